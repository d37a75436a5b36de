/** The built commands, as a user runs them. */
import { join } from "node:path";
import type { CliProgram, CommandLine } from "@branchcache/cli/testing";

const dist = join(import.meta.dirname, "..", "..", "packages", "cli", "dist");

export function command(name: CliProgram, ...args: readonly string[]): CommandLine {
  return [process.execPath, join(dist, `${name}.js`), ...args];
}

/** The same on another host of a test's office. */
export function commandOn(
  host: readonly string[],
  name: CliProgram,
  ...args: readonly string[]
): CommandLine {
  return lineOn(host, ...command(name, ...args));
}

/** Any command on another host. */
export function lineOn(host: readonly string[], ...line: readonly string[]): CommandLine {
  const [program = "env", ...rest] = [...host, ...line];
  return [program, ...rest];
}
