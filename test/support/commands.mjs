// @ts-check
/** The built commands, as a user runs them, for tests and benchmarks. */
import { join } from "node:path";

/** @typedef {import("@branchcache/cli/testing").CommandLine} CommandLine */
/** @typedef {import("@branchcache/cli/testing").CliProgram} CliProgram */

const dist = join(import.meta.dirname, "..", "..", "packages", "cli", "dist");

/** @param {CliProgram} name @param {readonly string[]} args @returns {CommandLine} */
export function command(name, ...args) {
  return [process.execPath, join(dist, `${name}.js`), ...args];
}

/**
 * The same on another host of a test's office.
 * @param {readonly string[]} host what is put before, as to run it in a namespace
 * @param {CliProgram} name
 * @param {readonly string[]} args
 * @returns {CommandLine}
 */
export function commandOn(host, name, ...args) {
  return lineOn(host, ...command(name, ...args));
}

/** Any command on another host. @param {readonly string[]} host @param {readonly string[]} line @returns {CommandLine} */
export function lineOn(host, ...line) {
  const [program = "env", ...rest] = [...host, ...line];
  return [program, ...rest];
}
