/** What the command returns to the shell. */
export const exitCode = { conforms: 0, doesNotConform: 1, usage: 2, unreachable: 3 } as const;
