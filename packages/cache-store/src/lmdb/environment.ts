/** One LMDB environment with the tables of a store, or with the one of the secrets. */

import { errorMessage } from "@branchcache/runtime";
import { type Database, open, type RootDatabase } from "lmdb";
import { StoreError } from "../errors.ts";
import { FORMAT_VERSION } from "./formats.ts";

/** Bytes to bytes: encodings are ours. */
export type Table = Database<Uint8Array, Uint8Array>;

export interface Environment {
  readonly path: string;
  readonly root: RootDatabase<Uint8Array, Uint8Array>;
  table(name: string): Table;
}

export interface EnvironmentOptions {
  readonly path: string;
  /** Address space to set aside; the file grows only as it is filled. */
  readonly mapBytes: number;
}

const FORMAT_KEY = new TextEncoder().encode("branchcache-format");
const PAGE_BYTES = 65_536;

/** Throws what LMDB throws, and `BC_STORE_VERSION`. The directory must be there. */
export async function openEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { path } = options;
  const root: RootDatabase<Uint8Array, Uint8Array> = open({
    path,
    noSubdir: false,
    maxDbs: 8,
    // Committed is durable. What the library offers instead was no faster with batches of this size.
    overlappingSync: false,
    // Else the library makes promises of its own that nobody can catch when a commit fails.
    eventTurnBatching: false,
    mapSize: Math.ceil(options.mapBytes / PAGE_BYTES) * PAGE_BYTES,
    encoding: "binary",
    keyEncoding: "binary",
  });
  try {
    root.transactionSync(() => checkFormat(root, path));
  } catch (error) {
    await root.close();
    throw error;
  }
  return {
    path,
    root,
    table: (name) => root.openDB({ name, encoding: "binary", keyEncoding: "binary" }),
  };
}

function checkFormat(root: RootDatabase<Uint8Array, Uint8Array>, path: string): void {
  const format = root.getBinary(FORMAT_KEY);
  if (format?.[0] === FORMAT_VERSION) return;
  if (format) {
    const message = `written in format ${format[0]}, this program reads format ${FORMAT_VERSION}`;
    throw new StoreError("BC_STORE_VERSION", message, { path });
  }
  if (root.getKeysCount({ limit: 1 }) > 0) {
    throw new StoreError("BC_STORE_VERSION", "holds an LMDB environment of something else", { path });
  }
  root.put(FORMAT_KEY, Uint8Array.of(FORMAT_VERSION));
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
