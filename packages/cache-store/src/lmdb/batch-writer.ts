/**
 * Gathers changes and commits many of them in one transaction, while callers go on. One transaction is
 * under way at a time; what comes meanwhile waits for the next.
 */
import { type Clock, errorCode, errorMessage } from "@branchcache/runtime";
import type { Limits } from "../block-store.ts";
import { noSpaceError, StoreError } from "../errors.ts";
import type { AccessLog } from "../store/access-log.ts";
import { Ledger } from "../store/ledger.ts";
import type { Appender, Chunk } from "./blocks/appender.ts";
import type { Place } from "./blocks/place.ts";
import type { Reclaimer } from "./blocks/reclaimer.ts";
import type { Change, Committed, Outcome } from "./change.ts";
import type { Environment } from "./environment.ts";
import type { LimitSettings } from "./limit-settings.ts";
import type { SpaceReserve } from "./space-reserve.ts";
import { type BlockTables, TransactionTables } from "./tables.ts";
import { BATCH_BYTES, isNoSpace, transact } from "./transact.ts";

/** Each may touch pages of its own in the index, which are kept in memory until the commit. */
const BATCH_CHANGES = 4096;
/** Segments past their age that one transaction removes; the next one goes on. */
const MOST_EXPIRED = 256;
const CHANGE_OVERHEAD_BYTES = 2048;
/** Pages freed by one transaction serve the next but one. */
const TRANSACTIONS_UNTIL_REUSE = 3;
/** Evictions that bring no room on a full disk end here: what is held is worth more. */
const MOST_FILES_GIVEN_UP = 4;

export interface BatchWriterOptions {
  readonly environment: Environment;
  readonly tables: BlockTables;
  readonly limits: LimitSettings;
  readonly accesses: AccessLog;
  readonly clock: Pick<Clock, "wallMs">;
  readonly reserve: SpaceReserve;
  readonly appender: Appender;
  readonly fileBytes: () => number;
  /** Resolves when files that went are deleted. */
  readonly onCommit: (committed: Committed) => Promise<void>;
  /** A batch did not fit; eviction may yet make room. */
  readonly onDiskFull: () => void;
  readonly emptiestFile: Reclaimer["emptiestFile"];
}

export class BatchWriter {
  readonly #options: BatchWriterOptions;
  readonly #queue: Change<unknown>[] = [];
  #queuedBytes = 0;
  #queuedChanges = 0;
  #settledChanges = 0;
  #running = false;
  readonly #waiting: (() => void)[] = [];
  readonly #barriers: { readonly after: number; readonly resolve: () => void }[] = [];
  #failing = false;

  constructor(options: BatchWriterOptions) {
    this.#options = options;
  }

  /** The last batch could not be written. */
  get failing(): boolean {
    return this.#failing;
  }

  enqueue<T>(change: Change<T>): void {
    this.#queue.push(change as Change<unknown>);
    this.#queuedBytes += change.bytes;
    this.#queuedChanges++;
    if (this.#running) return;
    this.#running = true;
    void this.#pump();
  }

  /** Resolves when less is queued than the bound. */
  room(): Promise<void> | undefined {
    if (!this.#isQueueFull) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when all that is queued now is committed or has failed. */
  settled(): Promise<void> {
    if (this.#settledChanges === this.#queuedChanges) return Promise.resolve();
    return new Promise((resolve) => this.#barriers.push({ after: this.#queuedChanges, resolve }));
  }

  get #batchBytes(): number {
    return Math.min(BATCH_BYTES, this.#options.fileBytes());
  }

  /** One batch under way, one being gathered. */
  get #isQueueFull(): boolean {
    const changes = this.#queuedChanges - this.#settledChanges;
    return this.#queuedBytes > 2 * this.#batchBytes || changes > 2 * BATCH_CHANGES;
  }

  async #pump(): Promise<void> {
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
      const outcomes = await this.#commit(batch);
      let i = 0;
      for (const change of batch) {
        this.#queuedBytes -= change.bytes;
        this.#settledChanges++;
        if (change.staged) this.#options.appender.release(change.staged);
        change.settle(outcomes[i++] as Outcome);
      }
      if (!this.#isQueueFull) for (const resolve of this.#waiting.splice(0)) resolve();
      while (this.#barriers[0] && this.#barriers[0].after <= this.#settledChanges)
        this.#barriers.shift()?.resolve();
    }
    this.#running = false;
  }

  #take(): readonly Change<unknown>[] {
    let [count, bytes] = [0, 0];
    for (const change of this.#queue) {
      if (bytes >= this.#batchBytes || count === BATCH_CHANGES) break;
      bytes += change.bytes;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  /**
   * Blocks go to the disk first, then a transaction names them. Where there is no room for all, and nothing goes to
   * make room, as much as fits is committed, from the start.
   */
  async #commit(batch: readonly Change<unknown>[]): Promise<Outcome[]> {
    const { appender, reserve, onDiskFull } = this.#options;
    await appender.settle(chunksOf(batch));
    const outcomes: Outcome[] = [];
    let most = Number.POSITIVE_INFINITY;
    let hasEvicted = false;
    let hasWaited = false;
    while (outcomes.length < batch.length) {
      const rest = batch.slice(outcomes.length);
      const failed = rest.findIndex((change) => change.staged?.chunk.state === "failed");
      if (failed === 0) {
        outcomes.push(...(await this.#rescue(rest)));
        continue;
      }
      const part = rest.slice(0, Math.min(most, failed < 0 ? rest.length : failed));
      try {
        outcomes.push(
          ...(await this.#transact((ledger, view) => {
            for (const { file, offset, used } of chunksOf(part))
              if (file) view.files.written(file.number, offset + used);
            return part.map((change) => outcomeOf(change, ledger, view));
          })),
        );
        hasEvicted = false;
        hasWaited = false;
        if (this.#failing) await reserve.fill();
        this.#failing = false;
      } catch (error) {
        this.#failing = true;
        if (errorCode(error) !== "BC_STORE_FULL") {
          outcomes.push(...rest.map(() => ({ error })));
          break;
        }
        onDiskFull();
        const isRoomMade: boolean = !hasEvicted && (await this.#makeSpace(weigh(part)));
        if (!isRoomMade && part.length === 1) {
          const isRemoval = part[0]?.bytes === 0;
          // What a removal has freed shortly before can be used by now.
          if (isRemoval ? !(await reserve.release()) : hasWaited) {
            outcomes.push(...rest.map(() => ({ error })));
            break;
          }
          hasWaited = true;
        }
        if (!isRoomMade) most = Math.ceil(part.length / 2);
        hasEvicted = isRoomMade;
      }
    }
    return outcomes;
  }

  /** The first piece of `rest` could not be written: makes room and tries again, or gives its changes up. */
  async #rescue(rest: readonly Change<unknown>[]): Promise<readonly Outcome[]> {
    const { appender, environment, onDiskFull } = this.#options;
    const chunk = rest[0]?.staged?.chunk;
    if (!chunk) throw new TypeError("no piece");
    this.#failing = true;
    // What the one before it was given may be enough for both.
    await appender.retry(chunk);
    if (chunk.state !== "failed") return [];
    const cause = chunk.failure;
    const isFull = errorCode(cause) === "BC_STORE_FULL" || (await isNoSpace(cause, environment.path));
    if (isFull) onDiskFull();
    if (isFull && (await this.#makeSpace(chunk.used))) {
      await appender.retry(chunk);
      return [];
    }
    const going = rest.findIndex((change) => change.staged?.chunk !== chunk);
    const { path } = environment;
    const error = isFull
      ? noSpaceError(path, cause)
      : new StoreError("BC_STORE_IO", errorMessage(cause), { path, cause });
    return rest.slice(0, going < 0 ? rest.length : going).map(() => ({ error }));
  }

  /**
   * The disk is full before the limit is reached: evicts twice as much as is needed, the least recently used; if that
   * empties no file, then what lies in the emptiest, until one has gone.
   */
  async #makeSpace(bytes: number): Promise<boolean> {
    const { appender, reserve, emptiestFile, onCommit } = this.#options;
    const neededBytes = 2 * bytes;
    try {
      // What is dead in the present file may go as well.
      appender.roll();
      let [evicted, freedBytes] = [0, 0];
      const evict = async (run: (ledger: Ledger<Place>, view: TransactionTables, limits: Limits) => void) => {
        const once = () =>
          this.#transact(
            (ledger, view, limits) => {
              run(ledger, view, limits);
              evicted += ledger.evictions.length;
            },
            (committed) => {
              for (const { endBytes } of committed.goneFiles) freedBytes += endBytes;
              return onCommit(committed);
            },
          );
        await once().catch(async (error: unknown) => {
          if (!(await reserve.release())) throw error;
          await once();
        });
      };
      await evict((ledger, view, { limitBytes }) =>
        ledger.makeRoom(Math.max(0, limitBytes - view.totals.bytes) + neededBytes),
      );
      const tried = new Set<number>();
      while (tried.size < MOST_FILES_GIVEN_UP && freedBytes < neededBytes) {
        const file = await emptiestFile(tried);
        if (!file) break;
        tried.add(file.number);
        await evict((ledger, view) => {
          for (const id of file.ids) if (view.state(id)?.pins === 0) ledger.remove(id, "size");
        });
      }
      for (let i = 1; i < TRANSACTIONS_UNTIL_REUSE; i++) await this.#transact((_, view) => view.touch());
      return evicted > 0 || freedBytes > 0;
    } catch {
      return false;
    }
  }

  /** Resolves when it is committed, and `told` has done what it does about it if that is given. */
  async #transact<T>(
    run: (ledger: Ledger<Place>, view: TransactionTables, limits: Limits) => T,
    told?: (committed: Committed) => Promise<void>,
  ): Promise<T> {
    const { environment, tables, accesses, appender, clock, onCommit } = this.#options;
    let committed: Committed | undefined;
    const finished = [...appender.finished];
    const result = await transact(environment, () => {
      const limits = this.#options.limits.read(tables);
      const view = new TransactionTables(tables);
      const ledger = new Ledger(view, limits, clock.wallMs());
      for (const access of accesses.take()) ledger.recordAccess(access);
      ledger.expire(MOST_EXPIRED);
      const value = run(ledger, view, limits);
      for (const file of finished) view.files.release(file);
      const goneFiles = view.writeBack(ledger.evictions);
      const { evictions, changes } = ledger;
      committed = { evictions, changes, totals: view.totals, limits, files: view.files.totals, goneFiles };
      return value;
    });
    appender.forgetFinished(finished);
    if (committed && told) await told(committed);
    else if (committed) void onCommit(committed);
    return result;
  }
}

function chunksOf(changes: readonly Change<unknown>[]): ReadonlySet<Chunk> {
  const chunks = new Set<Chunk>();
  let last: Chunk | undefined;
  for (const { staged } of changes) {
    // Most come with the one before.
    if (!staged || staged.chunk === last) continue;
    last = staged.chunk;
    chunks.add(last);
  }
  return chunks;
}

/** With what a change takes in the index, roughly. */
function weigh(changes: readonly Change<unknown>[]): number {
  return changes.reduce((sum, { bytes }) => sum + bytes + CHANGE_OVERHEAD_BYTES, 0);
}

function outcomeOf(change: Change<unknown>, ledger: Ledger<Place>, view: TransactionTables): Outcome {
  try {
    return { value: change.run(ledger, view) };
  } catch (error) {
    return { error };
  }
}
