/**
 * Appends blocks to files, in pieces of some megabytes that are written while the next one is filled. What is staged is
 * named in the index only once it is on the disk.
 */
import type { FileHandle } from "node:fs/promises";
import type { SealedBlock } from "@branchcache/content-info";
import { BLOCK_HEADER_BYTES, unfilledBytes, writeBlock } from "../../node/encodings.ts";
import type { Place } from "./place.ts";
import { recordBytes, writeFrame } from "./record.ts";

/** A piece is written at once. */
const CHUNK_BYTES = 2 * 2 ** 20;
/** So much is handed to the disk at once; it writes while the next is staged. */
const SYNC_BYTES = 8 * 2 ** 20;
/**
 * Buffers kept for the next pieces: fresh ones cost the garbage collector and the page tables more than the copying. More
 * than a disk needs that keeps up: one being filled, those of a write and a sync under way, and those gathered meanwhile.
 */
const MOST_SPARE = 12;
const NO_BYTES = new Uint8Array(0);

/** A file of which this process is the owner. */
export interface OpenFile {
  readonly number: number;
  readonly handle: FileHandle;
  /** Where the next piece goes. */
  endBytes: number;
}

interface Current extends OpenFile {
  /** Written, and not yet known to be on the disk. */
  unsynced: Chunk[];
  syncing: Promise<void> | undefined;
  /** Pieces whose blocks are not all committed or given up. */
  pending: number;
  isRolled: boolean;
  isClosed: boolean;
}

/** A piece of a file. */
export class Chunk {
  /** Empty once it is on the disk or given up. */
  buffer: Uint8Array;
  used = 0;
  /** Staged and not yet released. */
  staged = 0;
  state: "filling" | "queued" | "written" | "synced" | "failed" = "filling";
  /** Where it lies, from `written` on. */
  file: Current | undefined;
  offset = 0;
  /** What the system said, when `failed`. */
  failure: unknown;
  /** Resolves when it is written or has failed; `finish` says so. */
  done: Promise<void> = Promise.resolve();
  finish: () => void = () => {};

  constructor(buffer: Uint8Array) {
    this.buffer = buffer;
  }
}

/** A block's value within a piece. */
export interface Staged {
  readonly chunk: Chunk;
  readonly at: number;
  readonly lengthBytes: number;
}

/** Where it lies. Its piece must have been written. */
export function placeOf({ chunk, at, lengthBytes }: Staged): Place {
  if (!chunk.file) throw new TypeError("not written yet");
  return { file: chunk.file.number, offset: chunk.offset + at, lengthBytes };
}

export interface AppenderOptions {
  /** A file of this process's own, with room in it. */
  readonly open: () => Promise<OpenFile>;
  /** Most that a file should hold; asked at each use. */
  readonly fileBytes: () => number;
}

export class Appender {
  readonly #options: AppenderOptions;
  #filling: Chunk | undefined;
  readonly #queue: Chunk[] = [];
  #isWriting = false;
  #current: Current | undefined;
  #next: Promise<Current> | undefined;
  readonly #spare: Uint8Array[] = [];
  /** Pieces not yet released. */
  #inUse = 0;
  /** Rolled, all of them committed, and not yet given up in the index. */
  readonly #finished = new Set<number>();
  /** Handles that are being closed. */
  readonly #closing = new Set<Promise<void>>();

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  /** Nothing was staged since a piece was full. */
  get isPieceFull(): boolean {
    return this.#filling === undefined;
  }

  /** Copies a block; `key` goes with it. To be given back with `release`. */
  stage(key: Uint8Array, block: SealedBlock): Staged {
    const lengthBytes = BLOCK_HEADER_BYTES + block.iv.length + block.data.length;
    const staged = this.#reserve(key, lengthBytes);
    writeBlock(key, block, staged.chunk.buffer, staged.at);
    this.#cutIfFull(recordBytes(key.length, lengthBytes));
    return staged;
  }

  /** The same for a value that was encoded before. */
  stageValue(key: Uint8Array, value: Uint8Array): Staged {
    const staged = this.#reserve(key, value.length);
    staged.chunk.buffer.set(value, staged.at);
    this.#cutIfFull(recordBytes(key.length, value.length));
    return staged;
  }

  /** Resolves when the pieces are on the disk or have failed, as their `state` tells. */
  async settle(chunks: Iterable<Chunk>): Promise<void> {
    const all = [...chunks];
    if (this.#filling && all.includes(this.#filling)) this.#cut();
    for (const chunk of all) await chunk.done;
    for (const chunk of all) while (chunk.state === "written" && chunk.file) await this.#sync(chunk.file);
  }

  /** Writes a piece that has failed once more, after the others. */
  async retry(chunk: Chunk): Promise<void> {
    this.#enqueue(chunk);
    await this.settle([chunk]);
  }

  /** What was staged is committed, or given up. */
  release({ chunk }: Staged): void {
    chunk.staged--;
    if (chunk.staged > 0 || chunk.state === "filling") return;
    this.#inUse--;
    this.#reuse(chunk);
    // Whoever has nothing to write keeps no memory for it.
    if (this.#inUse === 0) this.#spare.splice(1);
    const { file } = chunk;
    if (!file) return;
    file.pending--;
    this.#finishIfDone(file);
  }

  /** Goes on with another file. */
  roll(): void {
    const current = this.#current;
    this.#current = undefined;
    const next = this.#next;
    this.#next = undefined;
    if (current) this.#retire(current);
    next?.then(
      (file) => this.#retire(file),
      () => {},
    );
  }

  /** Files of which all is committed and which get no more; asked again and again until `forgetFinished`. */
  get finished(): ReadonlySet<number> {
    return this.#finished;
  }

  /** These are given up in the index. */
  forgetFinished(numbers: Iterable<number>): void {
    for (const number of numbers) this.#finished.delete(number);
  }

  /** Rolls, and resolves when all handles are closed. Everything staged must have been released. */
  async close(): Promise<void> {
    const next = this.#next;
    this.roll();
    await next?.catch(() => {});
    this.#spare.length = 0;
    await Promise.all(this.#closing);
  }

  #reserve(key: Uint8Array, lengthBytes: number): Staged {
    const bytes = recordBytes(key.length, lengthBytes);
    this.#cutIfFull(bytes);
    const chunk = this.#filling ?? this.#begin(bytes);
    const at = writeFrame(chunk.buffer, chunk.used, key, lengthBytes);
    chunk.used += bytes;
    chunk.staged++;
    return { chunk, at, lengthBytes };
  }

  /** What has no room for another such block is written at once. */
  #cutIfFull(bytes: number): void {
    if (this.#filling && this.#filling.used + bytes > this.#filling.buffer.length) this.#cut();
  }

  #begin(bytes: number): Chunk {
    const chunk = new Chunk(this.#buffer(bytes));
    this.#inUse++;
    this.#filling = chunk;
    return chunk;
  }

  #buffer(atLeast: number): Uint8Array {
    const bytes = this.#chunkBytes();
    if (atLeast > bytes) return unfilledBytes(atLeast);
    for (let spare = this.#spare.pop(); spare; spare = this.#spare.pop())
      if (spare.length === bytes) return spare;
    return unfilledBytes(bytes);
  }

  /** Nobody looks at what it holds any more: what is on the disk is committed from there. */
  #reuse(chunk: Chunk): void {
    const { buffer } = chunk;
    chunk.buffer = NO_BYTES;
    if (buffer.length === this.#chunkBytes() && this.#spare.length < MOST_SPARE) this.#spare.push(buffer);
  }

  #chunkBytes(): number {
    return Math.min(CHUNK_BYTES, Math.floor(this.#options.fileBytes() / 4));
  }

  #cut(): void {
    const chunk = this.#filling;
    if (!chunk) return;
    this.#filling = undefined;
    this.#enqueue(chunk);
  }

  #enqueue(chunk: Chunk): void {
    chunk.state = "queued";
    chunk.failure = undefined;
    chunk.done = new Promise((resolve) => {
      chunk.finish = resolve;
    });
    this.#queue.push(chunk);
    if (!this.#isWriting) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isWriting = true;
    for (let chunk = this.#queue.shift(); chunk; chunk = this.#queue.shift()) {
      await this.#write(chunk);
      chunk.finish();
    }
    this.#isWriting = false;
  }

  async #write(chunk: Chunk): Promise<void> {
    let file: Current | undefined;
    try {
      file = await this.#fileFor(chunk.used);
      file.pending++;
      const offset = file.endBytes;
      for (let done = 0; done < chunk.used; ) {
        const { bytesWritten } = await file.handle.write(
          chunk.buffer,
          done,
          chunk.used - done,
          offset + done,
        );
        done += bytesWritten;
      }
      file.endBytes = offset + chunk.used;
      Object.assign(chunk, { file, offset, state: "written" });
      file.unsynced.push(chunk);
    } catch (failure) {
      // The next piece takes its place.
      if (file) file.pending--;
      Object.assign(chunk, { file: undefined, state: "failed", failure });
      if (file?.isRolled) this.#finishIfDone(file);
      return;
    }
    const waiting = file.unsynced.reduce((sum, { used }) => sum + used, 0);
    if (waiting >= SYNC_BYTES && !file.syncing) void this.#sync(file);
  }

  async #fileFor(bytes: number): Promise<Current> {
    const most = this.#options.fileBytes();
    let current = this.#current;
    if (current && current.endBytes > 0 && current.endBytes + bytes > most) {
      this.#current = undefined;
      this.#retire(current);
      current = undefined;
    }
    if (!current) {
      const opening = this.#next ?? this.#open();
      this.#next = undefined;
      current = await opening;
      this.#current = current;
    }
    // The next one is there when it is needed.
    if (current.endBytes + bytes > most / 2 && !this.#next) {
      const next = this.#open();
      this.#next = next;
      next.catch(() => {
        if (this.#next === next) this.#next = undefined;
      });
    }
    return current;
  }

  async #open(): Promise<Current> {
    const file = await this.#options.open();
    return { ...file, unsynced: [], syncing: undefined, pending: 0, isRolled: false, isClosed: false };
  }

  /** Sees to what is written by now. */
  #sync(file: Current): Promise<void> {
    file.syncing ??= this.#syncOnce(file).finally(() => {
      file.syncing = undefined;
      this.#finishIfDone(file);
    });
    return file.syncing;
  }

  async #syncOnce(file: Current): Promise<void> {
    const chunks = file.unsynced;
    file.unsynced = [];
    try {
      await file.handle.datasync();
      for (const chunk of chunks) {
        chunk.state = "synced";
        this.#reuse(chunk);
      }
    } catch (failure) {
      // What the system still has of these pages is not known: they are written again, elsewhere.
      for (const chunk of chunks) {
        file.pending--;
        Object.assign(chunk, { file: undefined, state: "failed", failure });
      }
      if (this.#current === file) this.#current = undefined;
      this.#retire(file);
    }
  }

  #retire(file: Current): void {
    if (file.isRolled) return;
    file.isRolled = true;
    this.#finishIfDone(file);
  }

  #finishIfDone(file: Current): void {
    if (file.isClosed || !file.isRolled || file.pending > 0 || file.syncing !== undefined) return;
    file.isClosed = true;
    this.#finished.add(file.number);
    const closing = file.handle.close().catch(() => {});
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }
}
