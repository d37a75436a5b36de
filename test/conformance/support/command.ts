/** The kit as it is typed. */
import { join } from "node:path";
import { type Ended, runCommand } from "../../support/run-command.ts";

const bin = join(import.meta.dirname, "../../../packages/conformance/dist/bin.js");

export const command = (...args: readonly string[]): Promise<Ended> =>
  runCommand([process.execPath, bin, ...args]);
