/** The block files of one store: where blocks are appended and read, moved together, and deleted once nothing is held. */
import type { SealedBlock } from "@branchcache/content-info";
import { Outstanding } from "../../store/outstanding.ts";
import type { Change } from "../change.ts";
import { type Environment, reading } from "../environment.ts";
import type { BlockTables } from "../tables.ts";
import { transact } from "../transact.ts";
import { Appender, type OpenFile, type Staged } from "./appender.ts";
import { deleteBlockFile, openForAppending } from "./directory.ts";
import { FileChanges, type FileTotals, type GoneFile } from "./file-table.ts";
import type { Place } from "./place.ts";
import { BlockReader } from "./reader.ts";
import { fileBytesFor, Reclaimer, type ReclaimerOptions } from "./reclaimer.ts";

export interface BlockFilesOptions
  extends Pick<ReclaimerOptions, "change" | "room" | "evict" | "limitBytes"> {
  readonly environment: Environment;
  readonly tables: BlockTables;
  readonly volumeBytes: number;
  /** Queues a change of no segment. */
  readonly whole: <T>(run: Change<T>["run"]) => Promise<T>;
}

export class BlockFiles {
  readonly #options: BlockFilesOptions;
  readonly appender: Appender;
  readonly #reader: BlockReader;
  readonly #reclaimer: Reclaimer;
  readonly #deletions = new Outstanding();
  #hasClaimed = false;

  constructor(options: BlockFilesOptions) {
    const { environment } = options;
    this.#options = options;
    this.appender = new Appender({ open: () => this.#open(), fileBytes: () => this.fileBytes });
    this.#reader = new BlockReader(environment);
    this.#reclaimer = new Reclaimer({
      ...options,
      appender: this.appender,
      reader: this.#reader,
      fileBytes: () => this.fileBytes,
    });
  }

  /** Most that one should hold. */
  get fileBytes(): number {
    const { limitBytes, volumeBytes } = this.#options;
    return fileBytesFor(limitBytes(), volumeBytes);
  }

  stage(key: Uint8Array, block: SealedBlock): Staged {
    return this.appender.stage(key, block);
  }

  /** Resolves when more may be staged; undefined if it may now. */
  room(): Promise<void> | undefined {
    const reclaimed = this.#reclaimer.room();
    if (!this.appender.isPieceFull) return reclaimed;
    // What is written meanwhile must be noticed, or the next piece waits.
    const noticed = new Promise<void>((resolve) => setImmediate(resolve));
    return Promise.all([reclaimed, noticed]).then(() => {});
  }

  /** False where the place is out of date or the disk is damaged, as far as that is seen here. Throws what the system throws. */
  read(place: Place, into: Uint8Array): boolean {
    return reading(this.#options.environment, () => this.#reader.read(place, into));
  }

  /** The next read of this file opens it anew. */
  forget(file: number): void {
    this.#reader.forget(file);
  }

  emptiest: Reclaimer["emptiestFile"] = (except) => this.#reclaimer.emptiestFile(except);

  /** Told after each commit. Resolves when files of which nothing is left are deleted. */
  async committed(totals: FileTotals, gone: readonly GoneFile[]): Promise<void> {
    const { path } = this.#options.environment;
    const deleted = gone.map(({ number }) => {
      this.#reader.forget(number);
      // One that cannot be deleted now is deleted when the store is opened again.
      return this.#deletions.add(deleteBlockFile(path, number).catch(() => {}));
    });
    this.#reclaimer.note(totals);
    await Promise.all(deleted);
  }

  /** Resolves when what went is deleted. */
  deleted(): Promise<void> {
    return this.#deletions.done();
  }

  /** Resolves when files take no more than they may. */
  reclaimed(): Promise<void> {
    return this.#reclaimer.done();
  }

  /** Moves blocks together until no file has anything else in it. */
  async compact(): Promise<void> {
    await this.#giveUp();
    await this.#reclaimer.compactAll();
  }

  /** Runs `work` while no file is written to or deleted; nothing may be staged meanwhile. */
  async whileStill<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.#reclaimer.pause();
      await this.#giveUp();
      const result = await work();
      // They may lie elsewhere now.
      this.#reader.close();
      return result;
    } finally {
      this.#reclaimer.resume();
    }
  }

  async close(): Promise<void> {
    await this.#reclaimer.pause();
    await this.#giveUp();
    await this.appender.close();
    await this.deleted();
    this.#reader.close();
  }

  /** No file is this process's own after this. */
  async #giveUp(): Promise<void> {
    await this.appender.close();
    await this.#options.whole((_, view) => view.touch());
    await this.deleted();
  }

  /** The first one goes on with a file that nobody writes to and that has room, so that short lives leave no trail. */
  async #open(): Promise<OpenFile> {
    const { environment, tables } = this.#options;
    const owner = await environment.owner();
    const isFirst = !this.#hasClaimed;
    this.#hasClaimed = true;
    const { number, endBytes } = await transact(environment, () => {
      const files = new FileChanges(tables.files);
      const known = isFirst ? tables.files.all() : [];
      const half = known.find(([, entry]) => entry.owner === "" && entry.endBytes <= this.fileBytes / 2);
      const [taken, entry] = half ?? [files.create(owner), undefined];
      files.claim(taken, owner);
      files.writeBack();
      return { number: taken, endBytes: entry?.endBytes ?? 0 };
    });
    return { number, endBytes, handle: await openForAppending(environment.path, number) };
  }
}
