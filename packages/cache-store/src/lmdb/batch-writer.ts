/**
 * Gathers changes and commits many of them in one transaction, while callers go on. One transaction is
 * under way at a time; what comes meanwhile waits for the next.
 */
import { statfs } from "node:fs/promises";
import { constants } from "node:os";
import { type Clock, errorCode, errorMessage } from "@branchcache/runtime";
import type { Limits } from "../block-store.ts";
import { StoreError } from "../errors.ts";
import type { AccessLog } from "../store/access-log.ts";
import { Ledger } from "../store/ledger.ts";
import type { Totals } from "../store/segment-state.ts";
import type { Environment } from "./environment.ts";
import type { LimitSettings } from "./limit-settings.ts";
import type { SpaceReserve } from "./space-reserve.ts";
import { type BlockTables, TransactionTables } from "./tables.ts";

/** A transaction keeps its dirty pages in memory until it is committed. */
const BATCH_BYTES = 16 * 2 ** 20;
/** Callers wait while more than this is queued: one batch under way, one being gathered. */
export const QUEUE_BYTES = 2 * BATCH_BYTES;
/** What a queued change takes besides its bytes, roughly: promises, states, pages of tables. */
const CHANGE_OVERHEAD_BYTES = 4096;
/** Segments past their age that one transaction removes; the next one goes on. */
const MOST_EXPIRED = 256;
/** Pages freed by one transaction serve the next but one. */
const TRANSACTIONS_UNTIL_REUSE = 3;

export type Committed = Pick<Ledger<Uint8Array>, "evictions" | "changes"> & {
  readonly totals: Totals;
  readonly limits: Limits;
};

export interface Change<T> {
  readonly bytes: number;
  /** Runs inside a write transaction, again if that fails for want of space. Must not throw after a change. */
  run(ledger: Ledger<Uint8Array>): T;
  /** Committed, or not. Must not throw. */
  settle(outcome: Outcome<T>): void;
}

export type Outcome<T = unknown> = { readonly value: T } | { readonly error: unknown };

export interface BatchWriterOptions {
  readonly environment: Environment;
  readonly tables: BlockTables;
  readonly limits: LimitSettings;
  readonly accesses: AccessLog;
  readonly clock: Pick<Clock, "wallMs">;
  readonly reserve: SpaceReserve;
  readonly onCommit: (committed: Committed) => void;
  /** A batch did not fit; eviction may yet make room. */
  readonly onDiskFull: () => void;
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
    this.#queuedBytes += weightOf(change);
    this.#queuedChanges++;
    if (this.#running) return;
    this.#running = true;
    void this.#pump();
  }

  /** Resolves when less is queued than the bound. */
  room(): Promise<void> | undefined {
    if (this.#queuedBytes <= QUEUE_BYTES) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when all that is queued now is committed or has failed. */
  settled(): Promise<void> {
    if (this.#settledChanges === this.#queuedChanges) return Promise.resolve();
    return new Promise((resolve) => this.#barriers.push({ after: this.#queuedChanges, resolve }));
  }

  async #pump(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch: Change<unknown>[] = [];
      const outcomes = await this.#commit(batch);
      for (const [i, change] of batch.entries()) {
        this.#queuedBytes -= weightOf(change);
        this.#settledChanges++;
        change.settle(outcomes[i] as Outcome);
      }
      if (this.#queuedBytes <= QUEUE_BYTES) for (const resolve of this.#waiting.splice(0)) resolve();
      while (this.#barriers[0] && this.#barriers[0].after <= this.#settledChanges)
        this.#barriers.shift()?.resolve();
    }
    this.#running = false;
  }

  /**
   * Fills `batch` from the queue when the transaction has begun: the later, the fuller. Where the disk has no
   * room for all of it, and nothing goes to make room, as much of it as fits is committed, from its start.
   */
  async #commit(batch: Change<unknown>[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    let failure: unknown;
    let most = Number.POSITIVE_INFINITY;
    let hasEvicted = false;
    let hasWaited = false;
    while (outcomes.length < batch.length || batch.length === 0) {
      try {
        const done = outcomes.length;
        const more = await this.#transact((ledger) => {
          this.#take(batch);
          return batch.slice(done, done + most).map((change) => outcomeOf(change, ledger));
        });
        outcomes.push(...more);
        hasEvicted = false;
        hasWaited = false;
        if (this.#failing) await this.#options.reserve.fill();
        this.#failing = false;
      } catch (error) {
        failure = error;
        this.#failing = true;
        // It may have failed before it began.
        this.#take(batch);
        if (errorCode(error) !== "BC_STORE_FULL") break;
        this.#options.onDiskFull();
        const part = batch.slice(outcomes.length, outcomes.length + most);
        const isRoomMade: boolean = !hasEvicted && (await this.#makeSpace(part));
        if (!isRoomMade && part.length === 1) {
          const isRemoval = part[0]?.bytes === 0;
          // What a removal has freed shortly before can be used by now.
          if (isRemoval ? !(await this.#options.reserve.release()) : hasWaited) break;
          hasWaited = true;
        }
        if (!isRoomMade) most = Math.ceil(part.length / 2);
        hasEvicted = isRoomMade;
      }
    }
    return batch.map((_, i) => outcomes[i] ?? { error: failure });
  }

  #take(batch: Change<unknown>[]): void {
    if (batch.length > 0) return;
    let bytes = 0;
    while (bytes < BATCH_BYTES) {
      const change = this.#queue.shift();
      if (!change) break;
      batch.push(change);
      bytes += weightOf(change);
    }
  }

  /** The disk is full before the limit is reached: evicts as much as the batch needs, twice over. */
  async #makeSpace(batch: readonly Change<unknown>[]): Promise<boolean> {
    const neededBytes = batch.reduce((sum, change) => sum + weightOf(change), 0);
    try {
      let evicted = 0;
      const evict = () =>
        this.#transact((ledger, view, { limitBytes }) => {
          ledger.makeRoom(Math.max(0, limitBytes - view.totals.bytes) + 2 * neededBytes);
          evicted = ledger.evictions.length;
        });
      await evict().catch(async (error: unknown) => {
        if (!(await this.#options.reserve.release())) throw error;
        await evict();
      });
      for (let i = 1; i < TRANSACTIONS_UNTIL_REUSE; i++) await this.#transact((_, view) => view.touch());
      return evicted > 0;
    } catch {
      return false;
    }
  }

  async #transact<T>(
    run: (ledger: Ledger<Uint8Array>, view: TransactionTables, limits: Limits) => T,
  ): Promise<T> {
    const { environment, tables, accesses, clock, onCommit } = this.#options;
    let committed: Committed | undefined;
    const result = await transact(environment, () => {
      const limits = this.#options.limits.read(tables);
      const view = new TransactionTables(tables);
      const ledger = new Ledger(view, limits, clock.wallMs());
      for (const access of accesses.take()) ledger.recordAccess(access);
      ledger.expire(MOST_EXPIRED);
      const value = run(ledger, view, limits);
      view.writeBack(ledger.evictions);
      committed = { evictions: ledger.evictions, changes: ledger.changes, totals: view.totals, limits };
      return value;
    });
    if (committed) onCommit(committed);
    return result;
  }
}

function weightOf(change: Change<unknown>): number {
  return change.bytes + CHANGE_OVERHEAD_BYTES;
}

function outcomeOf(change: Change<unknown>, ledger: Ledger<Uint8Array>): Outcome {
  try {
    return { value: change.run(ledger) };
  } catch (error) {
    return { error };
  }
}

/**
 * Runs `action` in one write transaction of `environment`; resolves when it is on the disk.
 * Throws `BC_STORE_FULL` or `BC_STORE_IO`, with the path; then nothing of it was committed.
 */
export async function transact<T>(environment: Environment, action: () => T): Promise<T> {
  const { path } = environment;
  try {
    return await environment.write(action);
  } catch (error) {
    const cause = await commitCause(error);
    if (await isNoSpace(cause, path)) {
      throw new StoreError("BC_STORE_FULL", "no space left on the device", { path, cause });
    }
    environment.doubt();
    throw new StoreError("BC_STORE_IO", errorMessage(cause), { path, cause });
  }
}

/** The library says only that a commit failed; why stands in a second promise. */
async function commitCause(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && "commitError" in error)) return error;
  return Promise.resolve(error.commitError).catch((reason: unknown) => reason);
}

const MDB_MAP_FULL = -30792;
/** Less than this free is too little to write anything. */
const LEAST_FREE_BYTES = 2 ** 20;

/** No space on the device, quota exceeded, file too large, LMDB's map full, or a write that came out short. */
async function isNoSpace(error: unknown, path: string): Promise<boolean> {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  const { ENOSPC, EDQUOT, EFBIG, EIO } = constants.errno;
  if (code === ENOSPC || code === EDQUOT || code === EFBIG || code === MDB_MAP_FULL) return true;
  if (code !== EIO) return false;
  // LMDB calls a short write an I/O error.
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize < BATCH_BYTES + LEAST_FREE_BYTES;
}
