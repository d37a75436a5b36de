/** The store on disk: blocks, records and publications in one LMDB environment, secrets in another. */
import { join } from "node:path";
import type { SegmentId } from "@branchcache/content-info";
import { type Clock, errorMessage, type Observer, silentObserver } from "@branchcache/runtime";
import type { Stores } from "./block-store.ts";
import { StoreError } from "./errors.ts";
import { LmdbBlockStore } from "./lmdb/block-store.ts";
import { type Environment, openEnvironment } from "./lmdb/environment.ts";
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
  const open = (place: string, mapBytes: number, isPrivate: boolean) =>
    openSoundly({ place, mapBytes, isPrivate, clock, observer });

  const main = await open(path, limitBytes * MAP_OVERHEAD + MAP_RESERVE_BYTES, false);
  let secretsEnvironment: Environment;
  try {
    secretsEnvironment = await open(secretsPath, SECRETS_MAP_BYTES, true);
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
  readonly place: string;
  readonly mapBytes: number;
  readonly isPrivate: boolean;
  readonly clock: Clock;
  readonly observer: Observer;
}

async function openSoundly({ place, mapBytes, isPrivate, clock, observer }: Place): Promise<Environment> {
  try {
    await prepareDirectory(place);
    const damage = await findDamage(place);
    if (damage !== undefined) {
      const moved = await setAside(place, clock.wallMs());
      observer.event("error", "cache.corrupt", { path: place, reason: damage, moved: moved.join(", ") });
    }
    if (isPrivate) await makePrivate(place);
  } catch (error) {
    observer.event("error", "cache.path_unusable", { path: place, reason: errorMessage(error) });
    throw error;
  }
  try {
    return openEnvironment({ path: place, mapBytes });
  } catch (error) {
    const failure = pathError(place, error);
    observer.event("error", "cache.path_unusable", { path: place, reason: failure.message });
    throw failure;
  }
}

/** What is wrong with the data file; undefined if nothing. */
async function findDamage(path: string): Promise<string | undefined> {
  const state = await inspectDataFile(path);
  if (state.kind === "damaged") return state.reason;
  if (state.kind === "short" && !(await canBeRead(path))) return "the data file is cut off";
  return undefined;
}
