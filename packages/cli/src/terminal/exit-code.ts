/** What the commands return to the shell. */
export const exitCode = {
  good: 0,
  failed: 1,
  usage: 2,
  daemonUnreachable: 3,
  degraded: 4,
} as const;
