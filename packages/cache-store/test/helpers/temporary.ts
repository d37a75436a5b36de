import { spawnSync } from "node:child_process";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { type Observer, silentObserver } from "@branchcache/runtime";
import { manualClock } from "@branchcache/runtime/testing";
import { onTestFinished } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";

/** A file system of this size, a volume of its own, that goes with the test. Needs `requirement("tmpfs")`. */
export async function smallFileSystem(mebibytes: number): Promise<string> {
  const path = await temporaryDirectory();
  const mount = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", path], {
    encoding: "utf8",
  });
  if (mount.status !== 0) throw new Error(`cannot mount a small file system: ${mount.stderr}`);
  onTestFinished(() => {
    spawnSync("umount", ["-l", path]);
  });
  return path;
}

/** A store with room for all that a test puts into it; closed with the test. */
export async function openStores(
  path: string,
  { limitBytes = 100_000_000, observer = silentObserver as Observer, secretsPath = `${path}/secrets` } = {},
) {
  const stores = await openLmdbStore({
    path,
    limitBytes,
    observer,
    secretsPath,
    clock: manualClock(1_700_000_000_000),
  });
  onTestFinished(() => stores.close());
  return stores;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
