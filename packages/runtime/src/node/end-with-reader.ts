import { errorCode } from "../errors.ts";

/** A reader of standard output that has seen enough, as `head` has, ends the process with `code`; that is no failure. */
export function endWithReader(code = 0): void {
  process.stdout.on("error", (error) => {
    if (errorCode(error) === "EPIPE") process.exit(code);
    throw error;
  });
}
