/** One LMDB environment with the tables of a store, or with the one of the secrets. */

import { chmod, mkdir, open as openFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorMessage } from "@branchcache/runtime";
import { type Database, open, type RootDatabase } from "lmdb";
import { noSpaceError, StoreError } from "../errors.ts";
import { FORMAT_VERSION } from "./formats.ts";
import { findOwners, markOpen, type OpenMarker } from "./open-markers.ts";
import { leaveToOwner } from "./ownership.ts";
import { DATA_FILE, LOCK_FILE } from "./surroundings.ts";

/** Bytes to bytes: encodings are ours. */
export type Table = Database<Uint8Array, Uint8Array>;
export type Root = RootDatabase<Uint8Array, Uint8Array>;

export interface EnvironmentOptions {
  readonly path: string;
  /** Address space to set aside; the file grows only as it is filled. */
  readonly mapBytes: number;
  /** Opened at once: one opened inside a transaction that fails would be lost. */
  readonly tables: readonly string[];
  /** Brings an older format up to date, in one transaction. */
  readonly migration?: Migration;
}

export interface Migration {
  /** Tables that the present format does not have. */
  readonly oldTables: readonly string[];
  run(environment: Environment, format: number): void;
}

const FORMAT_KEY = new TextEncoder().encode("branchcache-format");
const PAGE_BYTES = 65_536;

/** Whoever keeps one of its tables over an `await` may find it closed: ask `table` at each use. */
export class Environment {
  readonly #options: EnvironmentOptions;
  #path: string;
  #root: Root;
  /** Writes under way. */
  readonly #writes = new Set<Promise<unknown>>();
  /** Set while it is copied: writes wait. */
  #moving: Promise<void> | undefined;
  /** Set for the moment in which it is closed: reads wait. */
  #swapping: Promise<void> | undefined;
  readonly #tables = new Map<string, Table>();
  #marker: OpenMarker;
  #isDoubtful = false;
  #migratedFrom: number | undefined;

  /** Throws what LMDB throws, and `BC_STORE_VERSION`. The directory must be there. */
  static async open(options: EnvironmentOptions): Promise<Environment> {
    const marker = await markOpen(options.path);
    let root: Root;
    try {
      root = openRoot(options);
    } catch (error) {
      await marker.closed("sound");
      throw error;
    }
    const environment = new Environment(options, root, marker);
    try {
      await environment.#leaveToOwner();
      const oldFormat = environment.#checkFormat();
      for (const name of options.tables) environment.#openTable(name);
      if (oldFormat !== undefined) environment.#migrate(oldFormat, options.migration);
    } catch (error) {
      await environment.close();
      throw error;
    }
    return environment;
  }

  private constructor(options: EnvironmentOptions, root: Root, marker: OpenMarker) {
    this.#options = options;
    this.#path = options.path;
    this.#root = root;
    this.#marker = marker;
  }

  async close(): Promise<void> {
    await this.#root.close();
    await this.#marker.closed(this.#isDoubtful ? "doubtful" : "sound");
  }

  /** LMDB has said something that it does not say of a sound file: its pages are looked at when it is opened again. */
  doubt(): void {
    this.#isDoubtful = true;
  }

  /** Processes that have it open beside this object, which would go on with a file that was replaced. */
  async others(): Promise<readonly number[]> {
    const { open } = await findOwners(this.#path);
    const others = new Set(open.flatMap(({ marker, pid }) => (marker === this.#marker.name ? [] : [pid])));
    // One that found no room for a marker has at least read something.
    this.#root.readerCheck();
    for (const line of this.#root.readerList().split("\n")) {
      const pid = Number(/^\s*(\d+)\s/.exec(line)?.[1] ?? process.pid);
      if (pid !== process.pid) others.add(pid);
    }
    return [...others];
  }

  get path(): string {
    return this.#path;
  }

  /** The format that it had until it was opened now; undefined if it has not changed. */
  get migratedFrom(): number | undefined {
    return this.#migratedFrom;
  }

  /** What other processes know this one by as long as it has the store open. Throws `BC_STORE_FULL`. */
  async owner(): Promise<string> {
    if (!this.#marker.isThere) this.#marker = await markOpen(this.#path);
    if (this.#marker.isThere) return this.#marker.name;
    throw noSpaceError(this.#path);
  }

  get root(): Root {
    return this.#root;
  }

  /** True while it is copied to another file; writes wait until that is done. */
  get isMoving(): boolean {
    return this.#moving !== undefined;
  }

  /** To be awaited before a read, with no other `await` in between; undefined if there is nothing to wait for. */
  ready(): Promise<void> | undefined {
    return this.#swapping;
  }

  /** Runs `action` in a write transaction; resolves when it is on the disk. Throws what LMDB throws. */
  async write<T>(action: () => T): Promise<T> {
    while (this.#moving !== undefined) await this.#moving;
    const write = this.#root.transaction(action);
    this.#writes.add(write);
    try {
      return await write;
    } finally {
      this.#writes.delete(write);
    }
  }

  /**
   * Copies what is in use, without free pages, to the data file of `target`, a directory that has none, or over
   * its own. Reads go on. Throws what LMDB and the file system throw; then all is as it was.
   */
  async relocate(target: string): Promise<void> {
    while (this.#moving !== undefined) await this.#moving;
    const moved = gate();
    this.#moving = moved.promise;
    const draft = join(target, "copying");
    try {
      await Promise.allSettled(this.#writes);
      await rm(draft, { recursive: true, force: true });
      await mkdir(draft, { mode: 0o700 });
      await this.#root.backup(draft, true);
      await this.#swap(target, join(draft, DATA_FILE));
    } finally {
      this.#moving = undefined;
      moved.resolve();
      await rm(draft, { recursive: true, force: true });
    }
  }

  async #swap(target: string, draftFile: string): Promise<void> {
    const current = join(this.#path, DATA_FILE);
    await chmod(draftFile, (await stat(current)).mode & 0o777);
    await leaveToOwner([draftFile], current);
    await syncFile(draftFile);
    const swapped = gate();
    this.#swapping = swapped.promise;
    try {
      // Reads that were let through a moment ago are done after this.
      await new Promise((resolve) => setImmediate(resolve));
      await this.#root.close();
      try {
        await rename(draftFile, join(target, DATA_FILE));
        const marker = this.#marker;
        this.#marker = await markOpen(target);
        await marker.closed("sound");
        this.#path = target;
      } finally {
        this.#root = openRoot({ ...this.#options, path: this.#path });
        for (const name of this.#options.tables) this.#openTable(name);
        await this.#leaveToOwner();
      }
    } finally {
      this.#swapping = undefined;
      swapped.resolve();
    }
  }

  #leaveToOwner(): Promise<void> {
    return leaveToOwner([DATA_FILE, LOCK_FILE].map((name) => join(this.#path, name)));
  }

  table(name: string): Table {
    const table = this.#tables.get(name);
    if (!table) throw new TypeError(`no table ${name}`);
    return table;
  }

  #openTable(name: string): void {
    this.#tables.set(name, this.#root.openDB({ name, encoding: "binary", keyEncoding: "binary" }));
  }

  /** The format, if it is an older one. */
  #checkFormat(): number | undefined {
    const root = this.#root;
    return root.transactionSync(() => {
      const format = root.getBinary(FORMAT_KEY)?.[0];
      if (format !== undefined && (format < 1 || format > FORMAT_VERSION)) {
        const message = `written in format ${format}, this program reads formats 1 to ${FORMAT_VERSION}`;
        throw new StoreError("BC_STORE_VERSION", message, { path: this.#path });
      }
      if (format === undefined && root.getKeysCount({ limit: 1 }) > 0) {
        const message = "holds an LMDB environment of something else";
        throw new StoreError("BC_STORE_VERSION", message, { path: this.#path });
      }
      if (format === undefined) root.put(FORMAT_KEY, Uint8Array.of(FORMAT_VERSION));
      return format !== undefined && format < FORMAT_VERSION ? format : undefined;
    });
  }

  #migrate(format: number, migration: Migration | undefined): void {
    const root = this.#root;
    for (const name of migration?.oldTables ?? []) this.#openTable(name);
    root.transactionSync(() => {
      // Another process may have done it meanwhile.
      if (root.getBinary(FORMAT_KEY)?.[0] === FORMAT_VERSION) return;
      migration?.run(this, format);
      root.put(FORMAT_KEY, Uint8Array.of(FORMAT_VERSION));
      this.#migratedFrom = format;
    });
  }
}

function gate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

async function syncFile(path: string): Promise<void> {
  const file = await openFile(path, "r+");
  await file.sync().finally(() => file.close());
}

function openRoot({ path, mapBytes }: EnvironmentOptions): Root {
  return open({
    path,
    noSubdir: false,
    maxDbs: 16,
    // Committed is durable. What the library offers instead was no faster with batches of this size.
    overlappingSync: false,
    // Else the library makes promises of its own that nobody can catch when a commit fails.
    eventTurnBatching: false,
    mapSize: Math.ceil(mapBytes / PAGE_BYTES) * PAGE_BYTES,
    encoding: "binary",
    keyEncoding: "binary",
  });
}

/** LMDB's: a page is not what it should be, not there, or the file no data file. */
const DAMAGE_CODES: readonly unknown[] = [-30796, -30797, -30793];

/** Whether LMDB says that its file is damaged. */
export function isDamage(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && DAMAGE_CODES.includes(error.code);
}

/** Runs `read`; what LMDB throws becomes `BC_STORE_CORRUPT` or `BC_STORE_IO`, with the path. */
export function reading<T>(environment: Environment, read: () => T): T {
  const { path } = environment;
  try {
    return read();
  } catch (cause) {
    environment.doubt();
    const code = isDamage(cause) ? "BC_STORE_CORRUPT" : "BC_STORE_IO";
    throw new StoreError(code, errorMessage(cause), { path, cause });
  }
}
