/**
 * What the index knows of the block files: how far each one is written, how much of that is held, and who writes to it.
 * A file is named here before it exists, so that what lies there and is not named is nobody's.
 */
import type { Environment, Table } from "../environment.ts";

export interface FileEntry {
  /** Records of blocks that are held. */
  liveBytes: number;
  /** Written and committed; what lies behind it is nothing. */
  endBytes: number;
  /** The open marker of the process that appends to it or empties it, and whom others leave alone; "" for nobody. */
  owner: string;
}

/** Sums over all files. */
export interface FileTotals {
  nextNumber: number;
  liveBytes: number;
  endBytes: number;
}

export const FILE_TABLE = "files";
const TOTALS_KEY = Uint8Array.of(4);
const ENTRY_HEADER_BYTES = 16;

export class FileTable {
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  totals(): FileTotals {
    const value = this.#environment.table("totals").getBinary(TOTALS_KEY);
    if (!value) return { nextNumber: 1, liveBytes: 0, endBytes: 0 };
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    return {
      nextNumber: view.getFloat64(0, true),
      liveBytes: view.getFloat64(8, true),
      endBytes: view.getFloat64(16, true),
    };
  }

  setTotals({ nextNumber, liveBytes, endBytes }: FileTotals): void {
    const value = new Uint8Array(24);
    const view = new DataView(value.buffer);
    view.setFloat64(0, nextNumber, true);
    view.setFloat64(8, liveBytes, true);
    view.setFloat64(16, endBytes, true);
    this.#environment.table("totals").put(TOTALS_KEY, value);
  }

  get(number: number): FileEntry | undefined {
    const value = this.#table.getBinary(fileKey(number));
    return value && decodeEntry(value);
  }

  set(number: number, entry: FileEntry): void {
    this.#table.put(fileKey(number), encodeEntry(entry));
  }

  remove(number: number): void {
    this.#table.remove(fileKey(number));
  }

  /** Ascending, by number. */
  all(): (readonly [number: number, entry: FileEntry])[] {
    return [...this.#table.getRange()].map(({ key, value }) => [
      new DataView(key.buffer, key.byteOffset, 4).getUint32(0, false),
      decodeEntry(value.subarray(0, value.length)),
    ]);
  }

  get #table(): Table {
    return this.#environment.table(FILE_TABLE);
  }
}

function fileKey(number: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, number, false);
  return key;
}

function encodeEntry({ liveBytes, endBytes, owner }: FileEntry): Uint8Array {
  const name = new TextEncoder().encode(owner);
  const value = new Uint8Array(ENTRY_HEADER_BYTES + name.length);
  const view = new DataView(value.buffer);
  view.setFloat64(0, liveBytes, true);
  view.setFloat64(8, endBytes, true);
  value.set(name, ENTRY_HEADER_BYTES);
  return value;
}

function decodeEntry(value: Uint8Array): FileEntry {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  return {
    liveBytes: view.getFloat64(0, true),
    endBytes: view.getFloat64(8, true),
    owner: new TextDecoder().decode(value.subarray(ENTRY_HEADER_BYTES)),
  };
}

/** A file that went with a transaction. */
export interface GoneFile {
  readonly number: number;
  readonly endBytes: number;
}

/** For use inside one write transaction; written once, by `writeBack`. */
export class FileChanges {
  readonly totals: FileTotals;
  readonly #table: FileTable;
  readonly #entries = new Map<number, FileEntry>();

  constructor(table: FileTable) {
    this.#table = table;
    this.totals = table.totals();
  }

  /** To be changed here only. */
  entry(number: number): Readonly<FileEntry> | undefined {
    return this.#entry(number);
  }

  /** More or fewer bytes of a file are held. */
  addLive(number: number, bytes: number): void {
    const entry = this.#entry(number);
    if (!entry) return;
    entry.liveBytes += bytes;
    this.totals.liveBytes += bytes;
  }

  written(number: number, endBytes: number): void {
    const entry = this.#entry(number);
    if (!entry || entry.endBytes >= endBytes) return;
    this.totals.endBytes += endBytes - entry.endBytes;
    entry.endBytes = endBytes;
  }

  create(owner: string): number {
    const number = this.totals.nextNumber++;
    this.#entries.set(number, { liveBytes: 0, endBytes: 0, owner });
    return number;
  }

  /** False if it is gone, or somebody else's. */
  claim(number: number, owner: string): boolean {
    const entry = this.#entry(number);
    if (entry?.owner !== "") return false;
    entry.owner = owner;
    return true;
  }

  release(number: number): void {
    const entry = this.#entry(number);
    if (entry) entry.owner = "";
  }

  /** Forgets those of which nothing is held and which nobody writes to: their files may be deleted after the commit. */
  writeBack(): readonly GoneFile[] {
    if (this.#entries.size === 0) return [];
    const gone: GoneFile[] = [];
    for (const [number, entry] of this.#entries) {
      if (entry.liveBytes > 0 || entry.owner !== "") {
        this.#table.set(number, entry);
        continue;
      }
      this.totals.endBytes -= entry.endBytes;
      this.#table.remove(number);
      gone.push({ number, endBytes: entry.endBytes });
    }
    this.#table.setTotals(this.totals);
    return gone;
  }

  #entry(number: number): FileEntry | undefined {
    const known = this.#entries.get(number);
    if (known) return known;
    const entry = this.#table.get(number);
    if (entry) this.#entries.set(number, entry);
    return entry;
  }
}
