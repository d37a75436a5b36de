import { lstat, mkdir, unlink } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { BranchCacheError, errorMessage } from "@branchcache/runtime";

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
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  } catch (cause) {
    const message = `${named}cannot make ${dirname(path)} (${errorMessage(cause)}); name a place that can be written to`;
    throw new BranchCacheError("BC_LISTEN_FAILED", message, { cause });
  }
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) {
    throw new BranchCacheError("BC_LISTEN_FAILED", `${named}${path} exists and is no socket`);
  }
  const live = await new Promise<boolean>((resolve) => {
    const probe = createConnection(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (live) throw new BranchCacheError(inUseCode, `another daemon answers on ${path}`);
  await unlink(path);
}
