/** Writes what a store holds into one file, with more taken up where a former run ended. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { blockCount } from "@branchcache/content-info";
import { errorCode, toHex } from "@branchcache/runtime";
import type { BlockStore, PublicationStore, SecretStore } from "../../block-store.ts";
import { StoreError } from "../../errors.ts";
import { BlockSet } from "../../store/block-set.ts";
import { readRecords } from "./reader.ts";
import {
  decodeBlockEntry,
  decodeHolding,
  decodeObject,
  decodePublicationRecord,
  decodeSegment,
  type EndRecord,
  encodeBlockEntry,
  encodeObject,
  MAGIC,
  type SegmentEntry,
  type StartRecord,
} from "./records.ts";

export interface ExportOptions {
  /** Where the segments are read from. */
  readonly blocks: BlockStore;
  /** Hashes of published content go along. */
  readonly publications?: PublicationStore;
  /** Whoever gets the file can then read what is in it. */
  readonly secrets?: SecretStore;
  /** Made under the name with `.part`, which a later run takes up if tag, reference and secrets are the same. */
  readonly file: string;
  /** Only segments with this tag; publications have none, and are left out then. */
  readonly tag?: string;
  /** A reference file of an earlier export: what it lists is left out. */
  readonly since?: string;
  /** Where to write a reference file that lists all that receivers of this package and those before it have. */
  readonly writeReference?: string;
  /** Wall time, milliseconds since 1970, noted in the package: `wallMs` of a `Clock`. */
  readonly wallMs: () => number;
  /** Ends the export, which rejects with its reason; the `.part` stays. */
  readonly signal?: AbortSignal;
  /** Called after the blocks of each segment; what it throws ends the export. */
  readonly onProgress?: (soFar: ExportReport) => void;
}

export interface ExportReport {
  /** Segments with at least a block in the file. */
  readonly segments: number;
  /** Blocks in the file. */
  readonly blocks: number;
  /** Of the file. */
  readonly bytes: number;
  readonly publications: number;
  /** Blocks left out since the reference lists them. */
  readonly skipped: number;
  /** Blocks that an interrupted run had written already. */
  readonly resumed: number;
}

type Holdings = Map<string, { readonly id: Uint8Array; readonly held: BlockSet }>;

interface Reference {
  readonly holdings: Holdings;
  /** Of the file; none where there is no file. */
  readonly hash?: Uint8Array;
}

/** Errors: `BC_STORE_IO`, `BC_PACKAGE_DAMAGED` for a reference that is none; the signal's reason. */
export async function exportPackage(options: ExportOptions): Promise<ExportReport> {
  const { blocks, file, tag, since, writeReference, wallMs, signal } = options;
  const reference: Reference = since === undefined ? { holdings: new Map() } : await readReference(since);
  const part = `${file}.part`;
  const scope = scopeOf(options, reference);
  const before = await readPart(part, scope);
  const start = { version: 1, kind: "package", createdMs: wallMs(), scope } as const;
  const writer = await PackageWriter.open(part, before.endBytes, start);
  try {
    const report = { segments: before.holdings.size, blocks: before.blocks, publications: 0, skipped: 0 };
    const soFar = () => ({ ...report, bytes: writer.bytes, resumed: before.blocks });
    const keysBefore = before.publications;
    for await (const summary of blocks.list()) {
      if (tag !== undefined && !summary.tags.includes(tag)) continue;
      const name = toHex(summary.id);
      const listed = reference.holdings.get(name)?.held;
      const written = before.holdings.get(name)?.held;
      let isOpen = false;
      for (const index of (await blocks.heldBlocks(summary.id)) ?? []) {
        signal?.throwIfAborted();
        if (listed?.has(index)) report.skipped++;
        if (listed?.has(index) || written?.has(index)) continue;
        const block = await blocks.getBlock(summary.id, index, { counts: false });
        if (!block) continue;
        if (!isOpen) {
          const segment = await segmentEntry(options, summary.id);
          if (!segment) break;
          await writer.write(encodeObject("segment", segment));
          if (!written) report.segments++;
          isOpen = true;
        }
        await writer.write(encodeBlockEntry({ ...block, index }));
        report.blocks++;
        note(before.holdings, summary.id, summary.totalBlocks, index);
      }
      options.onProgress?.(soFar());
    }
    report.publications = keysBefore.size;
    if (options.publications && tag === undefined) {
      for await (const key of options.publications.keys()) {
        const entry = await options.publications.get(key);
        if (!entry || keysBefore.has(key)) continue;
        await writer.write(encodeObject("publication", { key, entry }));
        report.publications++;
      }
    }
    const { segments, publications } = report;
    await writer.end({ segments, blocks: report.blocks, publications });
    if (writeReference !== undefined) {
      await writeHoldings(writeReference, [reference.holdings, before.holdings], wallMs());
    }
    await rename(part, file);
    return soFar();
  } catch (error) {
    throw fileError(file, error);
  } finally {
    await writer.close();
  }
}

async function segmentEntry(
  { blocks, secrets }: ExportOptions,
  id: Uint8Array,
): Promise<SegmentEntry | undefined> {
  const record = await blocks.segment(id);
  if (!record) return undefined;
  const { pins: _pins, createdMs: _createdMs, ...rest } = record;
  const secret = await secrets?.get(id);
  return { ...rest, ...(secret && { secret }) };
}

function note(holdings: Holdings, id: Uint8Array, totalBlocks: number, index: number): void {
  const name = toHex(id);
  const known = holdings.get(name) ?? { id, held: new BlockSet(totalBlocks) };
  known.held.add(index);
  holdings.set(name, known);
}

/** What an export is to hold of a store, in one word. */
function scopeOf({ tag, secrets }: ExportOptions, { hash }: Reference): string {
  const scope = { tag, since: hash && toHex(hash), secrets: secrets !== undefined };
  return createHash("sha256").update(JSON.stringify(scope)).digest("hex");
}

/** What an interrupted export of the same scope had written, up to its last whole record; nothing of another one. */
async function readPart(part: string, scope: string) {
  const holdings: Holdings = new Map();
  const found = { holdings, blocks: 0, publications: new Set<string>(), endBytes: 0 };
  let segment: { readonly id: Uint8Array; readonly totalBlocks: number } | undefined;
  try {
    for await (const { type, payload, endBytes } of readRecords(createReadStream(part), "package")) {
      if (type === "end") break;
      if (type === "start" && decodeObject<StartRecord>(payload).scope !== scope) break;
      if (type === "segment") {
        const entry = decodeSegment(payload);
        segment = { id: entry.id, totalBlocks: blockCount(entry) };
      }
      if (type === "block" && segment) {
        note(holdings, segment.id, segment.totalBlocks, decodeBlockEntry(payload).index);
        found.blocks++;
      }
      if (type === "publication") found.publications.add(decodePublicationRecord(payload).key);
      found.endBytes = endBytes;
    }
  } catch (error) {
    // Cut off or half written: what is whole before that counts.
    if (errorCode(error) !== "BC_PACKAGE_DAMAGED" && errorCode(error) !== "ENOENT")
      throw fileError(part, error);
  }
  return found;
}

async function readReference(file: string): Promise<Reference> {
  const holdings: Holdings = new Map();
  let hash: Uint8Array | undefined;
  try {
    for await (const { type, payload } of readRecords(createReadStream(file), "reference")) {
      if (type === "end") hash = decodeObject<EndRecord>(payload).hash;
      if (type !== "holding") continue;
      const { id, totalBlocks, held } = decodeHolding(payload);
      holdings.set(toHex(id), { id, held: new BlockSet(totalBlocks, held) });
    }
  } catch (error) {
    throw fileError(file, error);
  }
  return { holdings, ...(hash && { hash }) };
}

async function writeHoldings(file: string, all: readonly Holdings[], wallMs: number): Promise<void> {
  const merged: Holdings = new Map();
  for (const holdings of all) {
    for (const { id, held } of holdings.values())
      for (const index of held.indexes()) note(merged, id, held.totalBlocks, index);
  }
  const part = `${file}.part`;
  await rm(part, { force: true });
  const writer = await PackageWriter.open(part, 0, { version: 1, kind: "reference", createdMs: wallMs });
  let blocks = 0;
  try {
    for (const { id, held } of merged.values()) {
      blocks += held.size;
      await writer.write(encodeObject("holding", { id, totalBlocks: held.totalBlocks, held: held.bits }));
    }
    await writer.end({ segments: merged.size, blocks, publications: 0 });
  } finally {
    await writer.close();
  }
  await rename(part, file);
}

/** Gathers records into larger writes, and keeps the hash of all that is in the file. */
class PackageWriter {
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  bytes = 0;

  static async open(path: string, keepBytes: number, start: StartRecord): Promise<PackageWriter> {
    const file = await open(path, keepBytes > 0 ? "r+" : "w", 0o600);
    const writer = new PackageWriter(file);
    await file.truncate(keepBytes);
    if (keepBytes === 0) {
      await writer.write(MAGIC);
      await writer.write(encodeObject("start", start));
    } else {
      for await (const chunk of createReadStream(path, { end: keepBytes - 1 })) writer.#hash.update(chunk);
      writer.bytes = keepBytes;
    }
    return writer;
  }

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(record: Uint8Array): Promise<void> {
    this.#hash.update(record);
    this.#waiting.push(record);
    this.#waitingBytes += record.length;
    if (this.#waitingBytes >= WRITE_BYTES) await this.#flush();
  }

  async end(counts: { segments: number; blocks: number; publications: number }): Promise<void> {
    await this.write(encodeObject("end", { ...counts, hash: new Uint8Array(this.#hash.copy().digest()) }));
    await this.#flush();
    await this.#file.sync();
  }

  /** What was written stays, for the next run. */
  async close(): Promise<void> {
    await this.#flush().finally(() => this.#file.close());
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const record of waiting) {
      await this.#file.write(record, 0, record.length, this.bytes);
      this.bytes += record.length;
    }
  }
}

const WRITE_BYTES = 2 ** 20;

export function fileError(path: string, error: unknown): unknown {
  if (error instanceof StoreError && error.path === undefined)
    return new StoreError(error.code, error.message, { path, cause: error });
  const isSystem = typeof error === "object" && error !== null && "syscall" in error;
  return isSystem ? new StoreError("BC_STORE_IO", String(error), { path, cause: error }) : error;
}
