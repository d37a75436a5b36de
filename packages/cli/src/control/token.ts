/**
 * Tells root and the service's own user from the other callers of the socket, who may only read: they alone can read
 * the file with this token. Node.js does not tell which user's process is at the other end of a socket.
 */
import { timingSafeEqual } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { toHex } from "@branchcache/runtime";
import { systemRandom } from "@branchcache/runtime/node";
import { writeWhole } from "../files/whole-file.ts";

const TOKEN_BYTES = 32;

/** Beside the socket; on Windows, where sockets have no place among files, there is none. */
export function tokenFile(socketPath: string): string | undefined {
  return process.platform === "win32" ? undefined : `${socketPath.replace(/\.sock$/, "")}.token`;
}

export interface ControlToken {
  matches(token: string | undefined): boolean;
  remove(): Promise<void>;
}

/** Writes a new token, at each start of the daemon. */
export async function makeToken(path: string): Promise<ControlToken> {
  const token = toHex(systemRandom.bytes(TOKEN_BYTES));
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeWhole(path, token);
  const expected = Buffer.from(token);
  return {
    matches(given) {
      const bytes = Buffer.from(given ?? "");
      return bytes.length === expected.length && timingSafeEqual(bytes, expected);
    },
    remove: () => rm(path, { force: true }),
  };
}

/** Undefined if this user may not read it, or there is none. */
export async function readToken(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return readFile(path, "utf8").catch(() => undefined);
}
