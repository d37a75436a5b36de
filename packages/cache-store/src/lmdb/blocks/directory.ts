/** The directory of block files beside the index. */
import { promises as fs, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "@branchcache/runtime";
import { syncDirectory } from "../open-markers.ts";
import { leaveToOwner } from "../ownership.ts";
import { pathError } from "../surroundings.ts";

const NAME = /^([0-9a-f]{8})\.blocks$/;

function blocksDirectory(storePath: string): string {
  return join(storePath, "blocks");
}

export function blockFilePath(storePath: string, number: number): string {
  return join(blocksDirectory(storePath), `${number.toString(16).padStart(8, "0")}.blocks`);
}

/** Throws `BC_STORE_PATH`. */
export async function prepareBlocks(storePath: string): Promise<void> {
  const path = blocksDirectory(storePath);
  try {
    await fs.mkdir(path, { mode: 0o700 }).then(
      () => leaveToOwner([path]),
      (error: unknown) => {
        if (errorCode(error) !== "EEXIST") throw error;
      },
    );
    await fs.access(path, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    throw pathError(path, error);
  }
}

/** Numbers of the block files that lie there; none where there is no directory. */
export async function listBlockFiles(storePath: string): Promise<readonly number[]> {
  const names = await fs.readdir(blocksDirectory(storePath)).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  });
  return names.flatMap((name) => {
    const digits = NAME.exec(name)?.[1];
    return digits === undefined ? [] : [Number.parseInt(digits, 16)];
  });
}

/** Opens a file for appending, made where there is none, and then for good. */
export async function openForAppending(storePath: string, number: number): Promise<fs.FileHandle> {
  const { O_RDWR, O_CREAT } = fs.constants;
  const path = blockFilePath(storePath, number);
  const handle = await fs.open(path, O_RDWR | O_CREAT, 0o600);
  try {
    if ((await handle.stat()).size === 0) {
      await leaveToOwner([path]);
      await syncDirectory(blocksDirectory(storePath));
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Deletes what nobody names any more. Emptied first: the room is free at once, whoever still has the file open to
 * read from, and he finds out.
 */
export async function deleteBlockFile(storePath: string, number: number): Promise<void> {
  const path = blockFilePath(storePath, number);
  try {
    await fs.truncate(path, 0);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
  }
  await fs.rm(path, { force: true });
}

/** Cuts off what was written and never committed. */
export function trimBlockFile(storePath: string, number: number, endBytes: number): void {
  const path = blockFilePath(storePath, number);
  try {
    if (statSync(path).size > endBytes) truncateSync(path, endBytes);
  } catch {
    // What is not there is noticed by those who read from it, and what stays is written over.
  }
}

/** What the block files take of the disk. */
export async function sizeOfBlocks(storePath: string): Promise<number> {
  let bytes = 0;
  for (const number of await listBlockFiles(storePath)) {
    const stats = await fs.stat(blockFilePath(storePath, number)).catch(() => undefined);
    bytes += stats?.size ?? 0;
  }
  return bytes;
}

/** Makes the same files in another store's directory: links on the same volume, else copies that are on the disk. */
export async function copyBlockFiles(from: string, to: string): Promise<void> {
  await prepareBlocks(to);
  for (const number of await listBlockFiles(from)) {
    const [source, target] = [blockFilePath(from, number), blockFilePath(to, number)];
    try {
      await fs.link(source, target);
    } catch (error) {
      if (errorCode(error) === "EEXIST") throw error;
      await fs.copyFile(source, target, fs.constants.COPYFILE_EXCL);
      await leaveToOwner([target], source);
      const file = await fs.open(target, "r+");
      await file.sync().finally(() => file.close());
    }
  }
  await syncDirectory(blocksDirectory(to));
}

/** Removes block files and their directory; whatever else lies there stays. Not emptied: they may have another name. */
export async function removeBlocks(storePath: string): Promise<void> {
  for (const number of await listBlockFiles(storePath))
    await fs.rm(blockFilePath(storePath, number), { force: true });
  await fs.rmdir(blocksDirectory(storePath)).catch(() => {});
}
