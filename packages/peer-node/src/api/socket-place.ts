/** The place of a Unix socket in the file system: made ready before somebody listens there. */
import { lstat, mkdir, unlink } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { BranchCacheError, errorMessage } from "@branchcache/runtime";

/** What errors of `clearSocketPlace` say. */
export interface SocketPlaceOptions {
  /** What is thrown when somebody answers there. */
  readonly inUseCode: string;
  /** The setting that names the path, for messages. */
  readonly setting?: string;
}

/**
 * Makes the directory of a Unix socket, and removes what a process that is gone has left at its path. Errors: `inUseCode`, and
 * `BC_LISTEN_FAILED` for a directory that cannot be made and for anything there that is no socket.
 */
export async function clearSocketPlace(
  path: string,
  { inUseCode, setting }: SocketPlaceOptions,
): Promise<void> {
  const named = setting === undefined ? "" : `${setting}: `;
  // The system would cut it off, and say nothing.
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) {
    throw socketError(path, setting, new Error("its path is too long"));
  }
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  } catch (cause) {
    const message = `${named}cannot make ${dirname(path)} (${errorMessage(cause)}); name a place that can be written to`;
    throw new BranchCacheError("BC_LISTEN_FAILED", message, { cause });
  }
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) {
    throw new BranchCacheError(
      "BC_LISTEN_FAILED",
      `${named}${path} exists and is no socket; remove it, or name another place`,
    );
  }
  if (await isAnswered(path))
    throw new BranchCacheError(inUseCode, `${named}another daemon answers on ${path}`);
  await unlink(path).catch((cause: unknown) => {
    throw socketError(path, setting, cause);
  });
}

/** Whether somebody listens on a socket. */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

/** What went wrong with a Unix socket at this path, in words that name the setting and what to do. */
export function socketError(path: string, setting: string | undefined, cause: unknown): BranchCacheError {
  const named = setting === undefined ? "" : `${setting}: `;
  const cure =
    Buffer.byteLength(path) > LONGEST_PATH_BYTES
      ? `a socket's path has ${LONGEST_PATH_BYTES} bytes at most; name a shorter one`
      : "name a place that can be written to";
  return new BranchCacheError(
    "BC_LISTEN_FAILED",
    `${named}cannot open the socket ${path} (${errorMessage(cause)}); ${cure}`,
    { cause },
  );
}

/** Of a socket: `sun_path` of Linux, without its zero; elsewhere it is shorter still. */
export const LONGEST_PATH_BYTES = 107;
