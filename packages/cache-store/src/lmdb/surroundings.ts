/** Whether a directory can hold an LMDB environment, and whether the one in it is whole, before LMDB maps it. */
import { type Dirent, promises as fs } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { errorCode, errorMessage } from "@branchcache/runtime";
import { StoreError } from "../errors.ts";
import { leaveToOwner } from "./ownership.ts";

export const DATA_FILE = "data.mdb";
export const LOCK_FILE = "lock.mdb";

/** Makes the directory (mode 0700, of the owner of `like` if root makes it) where there is none. Throws `BC_STORE_PATH`. */
export async function prepareDirectory(path: string, like?: string): Promise<void> {
  try {
    const first = await fs.mkdir(path, { recursive: true, mode: 0o700 });
    if (first !== undefined) await leaveToOwner(between(first, path), like);
    if (!(await fs.stat(path)).isDirectory()) {
      throw new StoreError("BC_STORE_PATH", "not a directory", { path });
    }
    await fs.access(path, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
    for (const name of [DATA_FILE, LOCK_FILE]) await assertUsable(join(path, name));
  } catch (error) {
    throw pathError(path, error);
  }
}

/** Both, and the directories between them, the outer ones first. */
function between(outer: string, inner: string): readonly string[] {
  const paths: string[] = [];
  for (let path = resolve(inner); path.startsWith(outer); path = dirname(path)) paths.unshift(path);
  return paths;
}

async function assertUsable(file: string): Promise<void> {
  try {
    if (!(await fs.stat(file)).isFile()) throw new StoreError("BC_STORE_PATH", "not a file", { path: file });
    await fs.access(file, fs.constants.R_OK | fs.constants.W_OK);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw pathError(file, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "no permission to read and write here",
  EPERM: "no permission to read and write here",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is not a directory",
  EEXIST: "not a directory",
  ENAMETOOLONG: "the path is too long",
  ENOSPC: "no space left on the device",
  ELOOP: "too many symbolic links",
};

/** Anything thrown while a path was tried, as a `StoreError`. */
export function pathError(path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const reason = REASONS[errorCode(error) ?? ""] ?? errorMessage(error);
  return new StoreError("BC_STORE_PATH", reason, { path, cause: error });
}

/** Both files, empty if need be, with mode 0600, whatever the umask and whatever it was before. */
export async function makePrivate(path: string): Promise<void> {
  try {
    await fs.chmod(path, 0o700);
    for (const name of [DATA_FILE, LOCK_FILE]) {
      const file = await fs.open(join(path, name), "a", 0o600);
      await file.chmod(0o600);
      await file.close();
    }
  } catch (error) {
    throw pathError(path, error);
  }
}

export type DataFileState =
  | { readonly kind: "new" }
  | { readonly kind: "sound" }
  /** Shorter than LMDB's last page: allowed if those pages are free, else it would kill the process that reads them. */
  | { readonly kind: "short" }
  | { readonly kind: "damaged"; readonly reason: string };

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const META_OFFSET = 24;
const META = {
  magic: 0,
  version: 4,
  pageBytes: 24,
  trees: [24, 72],
  lastPage: 120,
  transaction: 128,
} as const;
const META_BYTES = 136;
const TREE_BYTES = 48;

export interface Meta {
  readonly pageBytes: number;
  /** Descriptions of two trees: of free pages, and of tables. */
  readonly trees: readonly Uint8Array[];
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/** Looks at the two meta pages and at the file's length. */
export async function inspectDataFile(path: string): Promise<DataFileState> {
  let file: fs.FileHandle;
  try {
    file = await fs.open(join(path, DATA_FILE), "r");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return { kind: "new" };
    throw pathError(path, error);
  }
  try {
    const newest = await newestMeta(file);
    // After the meta pages, since another process may write meanwhile, and it writes these last.
    const { size } = await file.stat();
    if (size === 0) return { kind: "new" };
    if (typeof newest === "string") return { kind: "damaged", reason: newest };
    const expected = (newest.lastPage + 1n) * BigInt(newest.pageBytes);
    return { kind: BigInt(size) < expected ? "short" : "sound" };
  } finally {
    await file.close();
  }
}

/** The description of the file as the last commit left it. Throws where `inspectDataFile` finds damage. */
export async function readNewestMeta(file: fs.FileHandle): Promise<Meta> {
  const newest = await newestMeta(file);
  if (typeof newest === "string") throw new Error(newest);
  return newest;
}

/** Of the two meta pages the one of the last commit, or what is wrong with either. */
async function newestMeta(file: fs.FileHandle): Promise<Meta | string> {
  const first = await readMeta(file, 0);
  if (typeof first === "string") return first;
  const second = await readMeta(file, first.pageBytes);
  if (typeof second === "string") return second;
  return first.transaction > second.transaction ? first : second;
}

async function readMeta(file: fs.FileHandle, position: number): Promise<Meta | string> {
  const bytes = new Uint8Array(META_BYTES);
  const { bytesRead } = await file.read(bytes, 0, META_BYTES, position + META_OFFSET);
  if (bytesRead < META_BYTES) return "the file ends within its meta pages";
  const view = new DataView(bytes.buffer);
  if (view.getUint32(META.magic, true) !== MAGIC) return "not an LMDB data file";
  if ((view.getUint32(META.version, true) & 0xffff) !== DATA_VERSION) return "LMDB data of another version";
  const pageBytes = view.getUint32(META.pageBytes, true);
  if (pageBytes < 512 || pageBytes > 65_536) return `pages of ${pageBytes} bytes`;
  return {
    pageBytes,
    trees: META.trees.map((at) => bytes.subarray(at, at + TREE_BYTES)),
    lastPage: view.getBigUint64(META.lastPage, true),
    transaction: view.getBigUint64(META.transaction, true),
  };
}

/** Renames data and lock file to `<name>.corrupt-<wallMs>`. Throws `BC_STORE_CORRUPT` if that fails. */
export async function setAside(path: string, wallMs: number): Promise<readonly string[]> {
  const moved: string[] = [];
  const entries: Dirent[] = await fs.readdir(path, { withFileTypes: true });
  for (const { name } of entries) {
    if (name !== DATA_FILE && name !== LOCK_FILE) continue;
    const target = `${name}.corrupt-${wallMs}`;
    try {
      await fs.rename(join(path, name), join(path, target));
    } catch (cause) {
      throw new StoreError("BC_STORE_CORRUPT", "damaged, and cannot be moved aside", {
        path: join(path, name),
        cause,
      });
    }
    moved.push(target);
  }
  return moved;
}
