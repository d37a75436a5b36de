/** Compacting a store and moving it, while it is served. */
import { rm, rmdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { errorMessage, type Observer } from "@branchcache/runtime";
import { StoreError } from "../errors.ts";
import type { LmdbBlockStore } from "./block-store.ts";
import { copyBlockFiles, removeBlocks, sizeOfBlocks } from "./blocks/directory.ts";
import type { Environment } from "./environment.ts";
import { RESERVE_FILE, type SpaceReserve } from "./space-reserve.ts";
import { DATA_FILE, inspectDataFile, LOCK_FILE, pathError, prepareDirectory } from "./surroundings.ts";

export async function compactStore(
  environment: Environment,
  blocks: LmdbBlockStore,
  observer: Observer,
): Promise<{ readonly beforeBytes: number; readonly afterBytes: number }> {
  const { path } = environment;
  const beforeBytes = await sizeOf(path);
  await assertAlone(environment);
  await blocks.compact();
  await blocks.whileStill(() => relocate(environment, path));
  const afterBytes = await sizeOf(path);
  observer.event("info", "cache.compacted", { path, before_bytes: beforeBytes, after_bytes: afterBytes });
  return { beforeBytes, afterBytes };
}

export interface Move {
  readonly main: Environment;
  readonly blocks: LmdbBlockStore;
  readonly secrets: Environment;
  readonly reserve: SpaceReserve;
  readonly target: string;
}

export async function moveStore({ main, blocks, secrets, reserve, target }: Move): Promise<void> {
  for (const environment of [main, secrets]) await assertAlone(environment);
  const from = main.path;
  const secretsFrom = secrets.path;
  const inside = relative(from, secretsFrom);
  const moves: (readonly [Environment, string])[] = [[main, target]];
  if (!inside.startsWith("..")) moves.push([secrets, join(target, inside)]);
  for (const [{ path: old }, to] of moves) {
    await prepareDirectory(to, old);
    if ((await inspectDataFile(to)).kind !== "new") {
      throw new StoreError("BC_STORE_PATH", "there is a store already", { path: to });
    }
  }
  await blocks.whileStill(async () => {
    try {
      await copyBlockFiles(from, target);
      for (const [environment, to] of moves) await relocate(environment, to);
    } catch (error) {
      if (main.path === from) await removeBlocks(target);
      throw error instanceof StoreError ? error : pathError(target, error);
    }
  });
  await reserve.fill();
  for (const old of moves.length > 1 ? [secretsFrom, from] : [from]) await removeFiles(old);
}

/** Deletes a store's files after `close` has closed it. Whatever else lies there stays. */
export async function removeStore(environment: Environment, close: () => Promise<void>): Promise<void> {
  await assertAlone(environment);
  const { path } = environment;
  await close();
  await removeFiles(path);
}

async function removeFiles(path: string): Promise<void> {
  await removeBlocks(path);
  for (const name of [DATA_FILE, LOCK_FILE, RESERVE_FILE]) await rm(join(path, name), { force: true });
  // Whatever else lies there is somebody's.
  await rmdir(path).catch(() => {});
}

async function assertAlone(environment: Environment): Promise<void> {
  const others = await environment.others();
  if (others.length === 0) return;
  const isOwn = others.every((pid) => pid === process.pid);
  const message = isOwn ? "open in this process once more" : `open in process ${others.join(", ")} as well`;
  throw new StoreError("BC_STORE_BUSY", message, { path: environment.path });
}

async function relocate(environment: Environment, target: string): Promise<void> {
  try {
    await environment.relocate(target);
  } catch (cause) {
    if (typeof cause === "object" && cause !== null && "syscall" in cause) throw pathError(target, cause);
    throw new StoreError("BC_STORE_IO", errorMessage(cause), { path: target, cause });
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(join(path, DATA_FILE))).size + (await sizeOfBlocks(path));
}
