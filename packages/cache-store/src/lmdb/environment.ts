/** One LMDB environment with the tables of a store, or with the one of the secrets. */

import { errorMessage } from "@branchcache/runtime";
import { type Database, open, type RootDatabase } from "lmdb";
import { StoreError } from "../errors.ts";
import { FORMAT_VERSION } from "./formats.ts";

/** Bytes to bytes: encodings are ours. */
export type Table = Database<Uint8Array, Uint8Array>;
export type Root = RootDatabase<Uint8Array, Uint8Array>;

export interface EnvironmentOptions {
  readonly path: string;
  /** Address space to set aside; the file grows only as it is filled. */
  readonly mapBytes: number;
  /** Opened at once: one opened inside a transaction that fails would be lost. */
  readonly tables: readonly string[];
  /** Brings tables of format 1 up to date, in one transaction. */
  readonly migrate?: (environment: Environment) => void;
}

const FORMAT_KEY = new TextEncoder().encode("branchcache-format");
const PAGE_BYTES = 65_536;

/** Whoever keeps one of its tables over an `await` may find it closed: ask `table` at each use. */
export class Environment {
  #path: string;
  #root: Root;
  readonly #tables = new Map<string, Table>();

  /** Throws what LMDB throws, and `BC_STORE_VERSION`. The directory must be there. */
  static async open(options: EnvironmentOptions): Promise<Environment> {
    const environment = new Environment(options.path, openRoot(options));
    try {
      const isOld = environment.#checkFormat();
      for (const name of options.tables) environment.#openTable(name);
      if (isOld) environment.#migrate(options.migrate);
    } catch (error) {
      await environment.root.close();
      throw error;
    }
    return environment;
  }

  private constructor(path: string, root: Root) {
    this.#path = path;
    this.#root = root;
  }

  get path(): string {
    return this.#path;
  }

  get root(): Root {
    return this.#root;
  }

  table(name: string): Table {
    const table = this.#tables.get(name);
    if (!table) throw new TypeError(`no table ${name}`);
    return table;
  }

  #openTable(name: string): void {
    this.#tables.set(name, this.#root.openDB({ name, encoding: "binary", keyEncoding: "binary" }));
  }

  /** True if it is of an older format. */
  #checkFormat(): boolean {
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
      return format !== undefined && format < FORMAT_VERSION;
    });
  }

  #migrate(migrate: EnvironmentOptions["migrate"]): void {
    const root = this.#root;
    root.transactionSync(() => {
      // Another process may have done it meanwhile.
      if (root.getBinary(FORMAT_KEY)?.[0] === FORMAT_VERSION) return;
      migrate?.(this);
      root.put(FORMAT_KEY, Uint8Array.of(FORMAT_VERSION));
    });
  }
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
export function reading<T>({ path }: Environment, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const code = isDamage(cause) ? "BC_STORE_CORRUPT" : "BC_STORE_IO";
    throw new StoreError(code, errorMessage(cause), { path, cause });
  }
}
