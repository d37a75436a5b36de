/**
 * Keeps the block files as small as they should be. A file of which nothing is held goes by itself; this moves what is
 * still held out of files of which little is, one file at a time, through the same queue as all other changes.
 */
import { open } from "node:fs/promises";
import type { SegmentId } from "@branchcache/content-info";
import { errorCode } from "@branchcache/runtime";
import { blockKey, decodeBlock, splitKey } from "../../node/encodings.ts";
import type { Change } from "../change.ts";
import { type Environment, reading } from "../environment.ts";
import { type BlockTables, eachSegment, mapKey, readBlockEntry, readPlaces } from "../tables.ts";
import { type Appender, placeOf } from "./appender.ts";
import { blockFilePath } from "./directory.ts";
import type { FileEntry, FileTotals } from "./file-table.ts";
import { isSamePlace, type Place } from "./place.ts";
import type { BlockReader } from "./reader.ts";
import { scanRecords } from "./record.ts";

const LEAST_FILE_BYTES = 2 ** 20;
const MOST_FILE_BYTES = 2 ** 27;
/** Of the limit: what files take beyond it is a few of them. */
const FILES_TO_THE_LIMIT = 64;
/** Moving what is held costs at most three bytes for each one that is freed; of fuller files, something is evicted first. */
const MOST_HELD = 3 / 4;

/** Most that a block file should hold. */
export function fileBytesFor(limitBytes: number, volumeBytes: number): number {
  const share = Math.floor(Math.min(limitBytes, volumeBytes) / FILES_TO_THE_LIMIT);
  return Math.min(MOST_FILE_BYTES, Math.max(LEAST_FILE_BYTES, share));
}

export interface ReclaimerOptions {
  readonly environment: Environment;
  readonly tables: BlockTables;
  readonly appender: Appender;
  readonly reader: BlockReader;
  readonly fileBytes: () => number;
  readonly limitBytes: () => number;
  /** Queues a change and resolves with its outcome. */
  readonly change: <T>(change: Pick<Change<T>, "bytes" | "staged" | "run">) => Promise<T>;
  /** Resolves when the queue has room. */
  readonly room: () => Promise<void> | undefined;
  /** Evicts so much of the least recently used; whether there was any. */
  readonly evict: (bytes: number) => Promise<boolean>;
}

export class Reclaimer {
  readonly #options: ReclaimerOptions;
  #totals: FileTotals;
  #running: Promise<void> | undefined;
  #isPaused = false;
  /** Not to be tried again by this process. */
  readonly #stuck = new Set<number>();

  constructor(options: ReclaimerOptions) {
    this.#options = options;
    this.#totals = reading(options.environment, () => options.tables.files.totals());
  }

  /** Told after each commit. */
  note(totals: FileTotals): void {
    this.#totals = totals;
    if (this.#isOver(1) && !this.#running && !this.#isPaused) this.#start();
  }

  /** Resolves when files take no more than they may; undefined if they do now. */
  room(): Promise<void> | undefined {
    return this.#running && this.#isOver(2) ? this.#running : undefined;
  }

  /** Resolves when what is moved now has been. */
  async done(): Promise<void> {
    await this.#running;
  }

  /** Resolves when nothing is moved, and nothing will be until `resume`. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#running;
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** Moves what is held out of every file that has anything else in it. */
  async compactAll(): Promise<void> {
    await this.#running;
    for (const [number, { liveBytes, endBytes }] of this.#unowned())
      if (liveBytes < endBytes) await this.#empty(number);
  }

  /** The file of which the least is held, less those in `except`, and the segments with a block in it. */
  async emptiestFile(
    except: ReadonlySet<number>,
  ): Promise<{ readonly number: number; readonly ids: readonly SegmentId[] } | undefined> {
    const emptiest = this.#unowned().find(([number]) => !except.has(number));
    if (!emptiest) return undefined;
    const ids = new Map<string, SegmentId>();
    const [number, { endBytes }] = emptiest;
    await this.#scan(number, endBytes, async ({ id }) => void ids.set(mapKey(id), id));
    return { number, ids: [...ids.values()] };
  }

  /** By so many files more than the limit, or more than what is held with all that lies around it. */
  #isOver(files: number): boolean {
    const { limitBytes, fileBytes } = this.#options;
    const { liveBytes, endBytes } = this.#totals;
    return endBytes > Math.max(limitBytes(), liveBytes) + files * fileBytes();
  }

  #start(): void {
    this.#running = this.#run()
      // A disk that cannot be read or written says so to those who use it.
      .catch(() => {})
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #run(): Promise<void> {
    while (this.#isOver(1) && !this.#isPaused) {
      const [emptiest] = this.#unowned();
      if (!emptiest) return;
      const [number, { liveBytes, endBytes }] = emptiest;
      if (liveBytes >= endBytes) return;
      const isFull = liveBytes > endBytes * MOST_HELD;
      if (isFull && (await this.#options.evict(this.#options.fileBytes() / 4))) continue;
      await this.#empty(number);
    }
  }

  /** Files that nobody writes to; the emptiest first. */
  #unowned(): (readonly [number, FileEntry])[] {
    const { environment, tables } = this.#options;
    const share = ({ liveBytes, endBytes }: FileEntry) => liveBytes / Math.max(1, endBytes);
    return reading(environment, () => tables.files.all())
      .filter(([number, { owner }]) => owner === "" && !this.#stuck.has(number))
      .sort(([, a], [, b]) => share(a) - share(b));
  }

  /** Moves all that is held in a file to where blocks are written now; then the file is nobody's, and goes. */
  async #empty(number: number): Promise<void> {
    const { environment, appender, change, room } = this.#options;
    const owner = await environment.owner();
    const endBytes = await change({
      bytes: 0,
      run: (_, { files }) => (files.claim(number, owner) ? files.entry(number)?.endBytes : undefined),
    });
    if (endBytes === undefined) return;
    const moves: Promise<unknown>[] = [];
    const move = async ({ id, index, place, key, value }: HeldRecord) => {
      const staged = appender.stageValue(key, value);
      const moved = change({
        bytes: value.length,
        staged,
        run: (_, view) => view.moveBlock(id, index, place, placeOf(staged)),
      });
      moved.catch(() => {});
      moves.push(moved);
      await room();
    };
    const left = () => change({ bytes: 0, run: (_, { files }) => files.entry(number)?.liveBytes ?? 0 });
    try {
      await this.#scan(number, endBytes, move);
      await Promise.all(moves);
      if ((await left()) > 0) await this.#lookFor(number, move);
      await Promise.all(moves);
      if ((await left()) > 0) this.#stuck.add(number);
    } finally {
      await change({ bytes: 0, run: (_, { files }) => files.release(number) });
    }
  }

  /** Calls with each block of the file that is held and whole, as far as the file can be read. */
  async #scan(number: number, endBytes: number, use: (record: HeldRecord) => Promise<void>): Promise<void> {
    const { environment, tables } = this.#options;
    const file = await open(blockFilePath(environment.path, number), "r").catch(() => undefined);
    if (!file) return;
    try {
      for await (const { key, value, offset } of scanRecords(file, endBytes)) {
        const { id, index } = splitKey(key);
        const place: Place = { file: number, offset, lengthBytes: value.length };
        await environment.ready();
        const held = reading(environment, () => readBlockEntry(tables, id, index))?.place;
        if (isSamePlace(held, place) && decodeBlock(key, value)) await use({ id, index, place, key, value });
      }
    } catch (error) {
      if (errorCode(error) !== "EIO") throw error;
    } finally {
      await file.close();
    }
  }

  /** What a damaged file no longer tells, the whole index does: what is whole is moved, the rest dropped. */
  async #lookFor(number: number, use: (record: HeldRecord) => Promise<void>): Promise<void> {
    const { environment, tables, reader, change } = this.#options;
    for await (const id of eachSegment(environment, tables)) {
      const places = reading(environment, () => readPlaces(tables, id));
      for (const { index, place } of places.inFile(number)) {
        const key = blockKey(id, index);
        const value = new Uint8Array(place.lengthBytes);
        if (reader.read(place, value) && decodeBlock(key, value)) {
          await use({ id, index, place, key, value });
          continue;
        }
        const drop: Change<boolean>["run"] = (ledger, view) =>
          isSamePlace(view.place(id, index), place) && ledger.dropBlock(id, index);
        await change({ bytes: 0, run: drop });
      }
    }
  }
}

interface HeldRecord {
  readonly id: SegmentId;
  readonly index: number;
  readonly place: Place;
  /** Views, good for the moment. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}
