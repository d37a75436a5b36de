/** Options of the commands that speak to the daemon. */
import { Option } from "commander";

export interface ControlOptions {
  readonly controlSocket?: string;
  readonly json?: true;
}

export const controlOptions = (): readonly Option[] => [
  new Option(
    "--control-socket <path>",
    "the daemon's socket for administration (default: the user's own daemon, then the machine's)",
  ).env("BRANCHCACHE_CONTROL_SOCKET"),
  new Option("--json", "print JSON"),
];

export const EXIT_STATUS =
  "Exit status: 0 good, 1 failed, 2 wrong usage or settings, 3 the daemon is not\nreachable, 4 it runs and something needs attention (status).";
