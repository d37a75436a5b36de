/** The store on disk: blocks, records and publications in one LMDB environment, secrets in another. */
import { join, resolve } from "node:path";
import type { SegmentId } from "@branchcache/content-info";
import { type Clock, errorMessage, type Observer, silentObserver } from "@branchcache/runtime";
import type { Stores } from "./block-store.ts";
import { StoreError } from "./errors.ts";
import { LmdbBlockStore } from "./lmdb/block-store.ts";
import { type Environment, isDamage, openEnvironment } from "./lmdb/environment.ts";
import { canBeRead } from "./lmdb/integrity-check.ts";
import { LmdbPublicationStore } from "./lmdb/publications.ts";
import { LmdbSecretStore } from "./lmdb/secrets.ts";
import { SpaceReserve } from "./lmdb/space-reserve.ts";
import { inspectDataFile, makePrivate, pathError, prepareDirectory, setAside } from "./lmdb/surroundings.ts";

export { StoreError, type StoreErrorCode } from "./errors.ts";

export interface LmdbStoreOptions {
  /** A directory; made (mode 0700) where there is none. */
  readonly path: string;
  /** Of initialization vectors and ciphertext together; on the disk LMDB takes about 6 % more. */
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly observer?: Observer;
  /** Directory of the segment secrets, mode 0700, files 0600. Default `secrets` inside `path`. */
  readonly secretsPath?: string;
}

/** LMDB keeps 64 KiB blocks in 17 pages of 4 KiB; tables, free pages and publications come on top. */
const MAP_OVERHEAD = 1.25;
const MAP_RESERVE_BYTES = 2 ** 30;
const SECRETS_MAP_BYTES = 2 ** 28;

/**
 * Opens or makes the store; no scan. Several processes may have it open at once. A damaged store is moved
 * aside (event `cache.corrupt`) and a fresh one begun.
 *
 * Throws `BC_STORE_PATH`, `BC_STORE_VERSION`, `BC_STORE_CORRUPT` when what is damaged cannot be moved, and
 * `BC_STORE_IO`; each names the path.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<Stores> {
  const { path, limitBytes, clock, observer = silentObserver } = options;
  if (!Number.isSafeInteger(limitBytes) || limitBytes < 0) {
    throw new StoreError("BC_STORE_INVALID", `a limit of ${limitBytes} bytes`);
  }
  const secretsPath = options.secretsPath ?? join(path, "secrets");
  if (resolve(secretsPath) === resolve(path)) {
    throw new StoreError("BC_STORE_INVALID", "secrets must not lie among the blocks", { path });
  }
  const mapBytes = limitBytes * MAP_OVERHEAD + MAP_RESERVE_BYTES;
  const main = await openSoundly({ path, mapBytes, isPrivate: false, clock, observer });
  let secretsEnvironment: Environment;
  try {
    const place = { path: secretsPath, mapBytes: SECRETS_MAP_BYTES, isPrivate: true, clock, observer };
    secretsEnvironment = await openSoundly(place);
  } catch (error) {
    await main.root.close();
    throw error;
  }
  const secrets = new LmdbSecretStore(secretsEnvironment);
  const publications = new LmdbPublicationStore(main);
  // A secret left behind is harmless; the next removal of the segment takes it along.
  const forget = (id: SegmentId) => secrets.delete(id).catch(() => {});
  const reserve = new SpaceReserve(path);
  await reserve.fill();
  const blocks = new LmdbBlockStore({
    environment: main,
    limitBytes,
    reserve,
    clock,
    observer,
    onRemoved: forget,
  });
  let closing: Promise<void> | undefined;
  const close = async () => {
    publications.shut();
    await blocks.close();
    await secrets.close();
    await Promise.all([main.root.close(), secretsEnvironment.root.close()]);
  };
  return {
    blocks,
    secrets,
    publications,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

interface Place {
  readonly path: string;
  readonly mapBytes: number;
  readonly isPrivate: boolean;
  readonly clock: Clock;
  readonly observer: Observer;
}

async function openSoundly(place: Place): Promise<Environment> {
  const { path, mapBytes, isPrivate, observer } = place;
  try {
    await prepareDirectory(path);
    const damage = await findDamage(path);
    if (damage !== undefined) await startAfresh(place, damage);
    if (isPrivate) await makePrivate(path);
    try {
      return await openEnvironment({ path, mapBytes });
    } catch (error) {
      if (!isDamage(error)) throw error;
      await startAfresh(place, errorMessage(error));
      if (isPrivate) await makePrivate(path);
      return await openEnvironment({ path, mapBytes });
    }
  } catch (error) {
    const failure = pathError(path, error);
    observer.event("error", "cache.path_unusable", { path, reason: failure.message });
    throw failure;
  }
}

async function startAfresh({ path, clock, observer }: Place, reason: string): Promise<void> {
  const moved = await setAside(path, clock.wallMs());
  observer.event("error", "cache.corrupt", { path, reason, moved: moved.join(", ") });
}

/** What is wrong with the data file; undefined if nothing. */
async function findDamage(path: string): Promise<string | undefined> {
  const state = await inspectDataFile(path);
  if (state.kind === "damaged") return state.reason;
  if (state.kind === "short" && !(await canBeRead(path))) return "the data file is cut off";
  return undefined;
}
