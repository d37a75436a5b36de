// @ts-check
/** Programs that may be installed or not. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The path of the first of these that is installed. @param {readonly string[]} names @returns {string | undefined} */
export function findProgram(...names) {
  // Debian keeps nginx and tcpdump where only root's PATH looks.
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // not here
      }
    }
  }
  return undefined;
}
