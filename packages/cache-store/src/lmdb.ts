/** The store on disk: blocks in files, their index and publications in one LMDB environment, secrets in another. */
import { statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { SegmentId } from "@branchcache/content-info";
import { type Clock, errorMessage, type Observer, silentObserver } from "@branchcache/runtime";
import type { SecretStore } from "./block-store.ts";
import { StoreError } from "./errors.ts";
import { LmdbBlockStore } from "./lmdb/block-store.ts";
import { tidyBlocks } from "./lmdb/blocks/tidy.ts";
import { Environment, isDamage, type Migration } from "./lmdb/environment.ts";
import { FORMAT_VERSION, type StoredSettings } from "./lmdb/formats.ts";
import { LimitSettings } from "./lmdb/limit-settings.ts";
import { blockMigration } from "./lmdb/migrations.ts";
import { findOwners, forget } from "./lmdb/open-markers.ts";
import { findPageDamage } from "./lmdb/page-check.ts";
import { PUBLICATION_TABLES } from "./lmdb/publications.ts";
import { LmdbSecretStore } from "./lmdb/secrets.ts";
import { SpaceReserve } from "./lmdb/space-reserve.ts";
import { type LmdbPart, LmdbStoreSet, type LmdbStores } from "./lmdb/store-set.ts";
import { inspectDataFile, makePrivate, pathError, prepareDirectory, setAside } from "./lmdb/surroundings.ts";
import { BLOCK_TABLES, BlockTables } from "./lmdb/tables.ts";

export { StoreError, type StoreErrorCode } from "./errors.ts";
export type { StoredSettings } from "./lmdb/formats.ts";
export type { ExtensionLimit, LmdbStores } from "./lmdb/store-set.ts";

/** Where the store lies, and its limits. */
export interface LmdbStoreOptions {
  /** A directory; made (mode 0700) where there is none. */
  readonly path: string;
  /**
   * Of initialization vectors and ciphertext together; files may take a few hundredths more (see the README). Default,
   * as for all limits: what `setLimits` or `set` has kept with the store, else `limitPercent`.
   */
  readonly limitBytes?: number;
  /** Of the volume. Default 5. */
  readonly limitPercent?: number;
  /** Since creation; 0 for no limit. Default 28 days. */
  readonly maxAgeMs?: number;
  /** Default 1 % of the volume, at least 64 MiB. */
  readonly publicationLimitBytes?: number;
  /** Of the volume. */
  readonly publicationLimitPercent?: number;
  readonly clock: Clock;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
  /** Directory of the segment secrets, mode 0700, files 0600. Default `secrets` inside `path`. */
  readonly secretsPath?: string;
}

/** What is mapped is address space only: a limit raised later needs no more of it than the volume has. */
const LEAST_MAP_BYTES = 2 ** 30;
const MAIN_TABLES = [...BLOCK_TABLES, ...PUBLICATION_TABLES];
const SECRETS_MAP_BYTES = 2 ** 28;

/**
 * Opens or makes the store; no scan. Several processes may have it open at once. A damaged store is moved
 * aside (event `cache.corrupt`) and a fresh one begun.
 *
 * Throws `BC_STORE_PATH`, `BC_STORE_VERSION`, `BC_STORE_CORRUPT` when what is damaged cannot be moved, and
 * `BC_STORE_IO`; each names the path.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<LmdbStores> {
  const { path, clock, observer = silentObserver } = options;
  const { limitBytes, limitPercent, maxAgeMs, publicationLimitBytes, publicationLimitPercent } = options;
  const secretsPath = options.secretsPath ?? join(path, "secrets");
  if (resolve(secretsPath) === resolve(path)) {
    throw new StoreError("BC_STORE_INVALID", "secrets must not lie among the blocks", { path });
  }
  const asked: StoredSettings = {
    ...(limitBytes !== undefined && { limitBytes }),
    ...(limitPercent !== undefined && { limitPercent }),
    ...(maxAgeMs !== undefined && { maxAgeMs }),
    ...(publicationLimitBytes !== undefined && { publicationLimitBytes }),
    ...(publicationLimitPercent !== undefined && { publicationLimitPercent }),
  };
  let secrets: LmdbSecretStore | undefined;
  // A secret left behind is harmless; the next removal of the segment takes it along.
  const onRemoved = async (id: SegmentId) => secrets?.delete(id).catch(() => {});
  const openOne = (place: string, settings: StoredSettings) =>
    openPart({ path: place, settings, clock, observer, onRemoved });
  const first = await openOne(path, asked);
  let secretsEnvironment: Environment;
  try {
    secretsEnvironment = await openSecretsEnvironment({ path: secretsPath, clock, observer });
  } catch (error) {
    await first.close();
    throw error;
  }
  secrets = new LmdbSecretStore(secretsEnvironment);
  return new LmdbStoreSet({ first, secrets, secretsEnvironment, openOne, maxAgeMs, observer }).open();
}

/** Segment secrets alone, for blocks that lie elsewhere; errors as above. `close` closes the environment as well. */
export async function openLmdbSecrets(options: SecretsPlace): Promise<SecretStore> {
  const environment = await openSecretsEnvironment(options);
  const secrets = new LmdbSecretStore(environment);
  return {
    get: (id) => secrets.get(id),
    put: (id, secret) => secrets.put(id, secret),
    delete: (id) => secrets.delete(id),
    close: async () => {
      await secrets.close();
      await environment.close();
    },
  };
}

/** Where the secrets of `openLmdbSecrets` lie. */
export interface SecretsPlace extends Pick<LmdbStoreOptions, "clock" | "observer"> {
  /** A directory of the secrets' own; made (mode 0700) where there is none. */
  readonly path: string;
}

function openSecretsEnvironment({
  path,
  clock,
  observer = silentObserver,
}: SecretsPlace): Promise<Environment> {
  const place = { path, tables: ["secrets"], mapBytes: SECRETS_MAP_BYTES, isPrivate: true, clock, observer };
  return openSoundly(place);
}

async function volumeBytes(path: string): Promise<number> {
  const { bsize, blocks } = await statfs(path);
  return bsize * blocks;
}

interface PartOptions extends Pick<Place, "path" | "clock" | "observer"> {
  readonly settings: StoredSettings;
  readonly onRemoved: (id: SegmentId) => Promise<void>;
}

async function openPart({ path, settings, clock, observer, onRemoved }: PartOptions): Promise<LmdbPart> {
  const place = { path, tables: MAIN_TABLES, isPrivate: false, migration: blockMigration, clock, observer };
  const environment = await openSoundly(place);
  try {
    await tidyBlocks(environment);
    const from = environment.migratedFrom;
    if (from !== undefined)
      observer.event("warn", "cache.format_changed", { path, from, to: FORMAT_VERSION });
    const onVolume = await volumeBytes(path);
    const limits = new LimitSettings(environment, onVolume, settings);
    const reserve = new SpaceReserve(environment);
    await reserve.fill();
    const shared = { environment, limits, reserve, clock, observer, onRemoved };
    const blocks = new LmdbBlockStore({ ...shared, volumeBytes: onVolume });
    const close = () => blocks.close().then(() => environment.close());
    return { environment, limits, reserve, blocks, tables: new BlockTables(environment), close };
  } catch (error) {
    await environment.close();
    throw error;
  }
}

interface Place {
  readonly path: string;
  /** Default: the size of the volume. */
  readonly mapBytes?: number;
  readonly tables: readonly string[];
  readonly isPrivate: boolean;
  readonly migration?: Migration;
  readonly clock: Clock;
  readonly observer: Observer;
}

async function openSoundly(place: Place): Promise<Environment> {
  const { path, tables, isPrivate, migration, observer } = place;
  try {
    await prepareDirectory(path);
    const mapBytes = place.mapBytes ?? Math.max(LEAST_MAP_BYTES, await volumeBytes(path));
    const options = { path, mapBytes, tables, ...(migration && { migration }) };
    const damage = await findDamage(path);
    if (damage !== undefined) await startAfresh(place, damage);
    if (isPrivate) await makePrivate(path);
    try {
      return await Environment.open(options);
    } catch (error) {
      if (!isDamage(error)) throw error;
      await startAfresh(place, errorMessage(error));
      if (isPrivate) await makePrivate(path);
      return await Environment.open(options);
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

/**
 * What is wrong with the data file; undefined if nothing. Its pages are looked at when it is too short for them, or when
 * nobody has it open and somebody ended without closing it.
 */
async function findDamage(path: string): Promise<string | undefined> {
  const state = await inspectDataFile(path);
  if (state.kind === "damaged") return state.reason;
  if (state.kind === "new") return undefined;
  const owners = await findOwners(path);
  const isDoubtful = state.kind === "short" || (owners.gone.length > 0 && owners.open.length === 0);
  const damage = isDoubtful ? await findPageDamage(path) : undefined;
  await forget(owners);
  return damage;
}
