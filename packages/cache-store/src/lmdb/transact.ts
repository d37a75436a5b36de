/** One write transaction, and what its failure means. */
import { statfs } from "node:fs/promises";
import { constants } from "node:os";
import { errorMessage } from "@branchcache/runtime";
import { noSpaceError, StoreError } from "../errors.ts";
import type { Environment } from "./environment.ts";

/** What one commit takes at most: so much is lost at the worst when the power goes. Less where files are small. */
export const BATCH_BYTES = 16 * 2 ** 20;

/**
 * Runs `action` in one write transaction of `environment`; resolves when it is on the disk.
 * Throws `BC_STORE_FULL` or `BC_STORE_IO`, with the path, or the `StoreError` that `action` throws; then nothing of it was
 * committed.
 */
export async function transact<T>(environment: Environment, action: () => T): Promise<T> {
  const { path } = environment;
  try {
    return await environment.write(action);
  } catch (error) {
    // What `action` itself refused says nothing against the file.
    if (error instanceof StoreError) throw error;
    const cause = await commitCause(error);
    if (await isNoSpace(cause, path)) throw noSpaceError(path, cause);
    environment.doubt();
    throw new StoreError("BC_STORE_IO", errorMessage(cause), { path, cause });
  }
}

/** The library says only that a commit failed; why stands in a second promise. */
async function commitCause(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && "commitError" in error)) return error;
  return Promise.resolve(error.commitError).catch((reason: unknown) => reason);
}

const NO_SPACE_CODES: readonly unknown[] = ["ENOSPC", "EDQUOT", "EFBIG"];
const MDB_MAP_FULL = -30792;
/** Less than this free is too little to write anything. */
const LEAST_FREE_BYTES = 2 ** 20;

/** No space on the device, quota exceeded, file too large, LMDB's map full, or a write that came out short. */
export async function isNoSpace(error: unknown, path: string): Promise<boolean> {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  if (NO_SPACE_CODES.includes(code)) return true;
  // LMDB's errors have the system's numbers.
  const { ENOSPC, EDQUOT, EFBIG, EIO } = constants.errno;
  if (code === ENOSPC || code === EDQUOT || code === EFBIG || code === MDB_MAP_FULL) return true;
  if (code !== EIO) return false;
  // LMDB calls a short write an I/O error.
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize < BATCH_BYTES + LEAST_FREE_BYTES;
}
