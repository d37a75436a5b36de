/**
 * Gathers changes and commits many of them in one transaction, while callers go on. One transaction is
 * under way at a time; what comes meanwhile waits for the next.
 */
import { errorCode, errorMessage } from "@branchcache/runtime";
import { StoreError } from "../errors.ts";
import { Ledger } from "../store/ledger.ts";
import type { Totals } from "../store/segment-state.ts";
import type { Environment } from "./environment.ts";
import { type BlockTables, TransactionTables } from "./tables.ts";

/** A transaction keeps its dirty pages in memory until it is committed. */
const BATCH_BYTES = 16 * 2 ** 20;
/** Callers wait while more than this is queued. */
const QUEUE_BYTES = 16 * 2 ** 20;
/** Pages freed by one transaction serve the next but one. */
const TRANSACTIONS_UNTIL_REUSE = 3;

export type Committed = Pick<Ledger<Uint8Array>, "evictions"> & { readonly totals: Totals };

export interface Change<T> {
  readonly bytes: number;
  /** Runs inside a write transaction, again if that fails for want of space. Must not throw after a change. */
  run(ledger: Ledger<Uint8Array>): T;
  /** Committed, or not. Must not throw. */
  settle(outcome: { readonly value: T } | { readonly error: unknown }): void;
}

export interface BatchWriterOptions {
  readonly environment: Environment;
  readonly tables: BlockTables;
  readonly limitBytes: number;
  readonly onCommit: (committed: Committed) => void;
}

export class BatchWriter {
  readonly #options: BatchWriterOptions;
  #queue: Change<unknown>[] = [];
  #queuedBytes = 0;
  #running: Promise<void> | undefined;
  #waiting: (() => void)[] = [];
  #failing = false;

  constructor(options: BatchWriterOptions) {
    this.#options = options;
  }

  /** The last batch did not fit on the disk. */
  get failing(): boolean {
    return this.#failing;
  }

  enqueue<T>(change: Change<T>): void {
    this.#queue.push(change as Change<unknown>);
    this.#queuedBytes += change.bytes;
    this.#running ??= this.#pump();
  }

  /** Resolves when less is queued than the bound. */
  room(): Promise<void> | undefined {
    if (this.#queuedBytes <= QUEUE_BYTES) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when all that is queued now is committed or has failed. */
  async settled(): Promise<void> {
    if (!this.#running) return;
    await new Promise<void>((resolve) =>
      this.enqueue({ bytes: 0, run: () => undefined, settle: () => resolve() }),
    );
  }

  async #pump(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch: Change<unknown>[] = [];
      const outcomes = await this.#commit(batch);
      for (const [i, change] of batch.entries()) {
        this.#queuedBytes -= change.bytes;
        change.settle(outcomes[i] ?? { error: new Error("not run") });
      }
      if (this.#queuedBytes <= QUEUE_BYTES) for (const resolve of this.#waiting.splice(0)) resolve();
    }
    this.#running = undefined;
  }

  /** Fills `batch` from the queue when the transaction has begun: the later, the fuller. */
  async #commit(
    batch: Change<unknown>[],
  ): Promise<({ readonly value: unknown } | { readonly error: unknown })[]> {
    let failure: unknown;
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        const outcomes = await this.#transact((ledger) => {
          if (batch.length === 0) this.#take(batch);
          return batch.map((change) => {
            try {
              return { value: change.run(ledger) };
            } catch (error) {
              return { error };
            }
          });
        });
        this.#failing = false;
        return outcomes;
      } catch (error) {
        failure = error;
        this.#failing = isNoSpace(error);
        if (!this.#failing || !(await this.#makeSpace(batch))) break;
      }
    }
    return batch.map(() => ({ error: failure }));
  }

  #take(batch: Change<unknown>[]): void {
    let bytes = 0;
    while (bytes < BATCH_BYTES) {
      const change = this.#queue.shift();
      if (!change) break;
      batch.push(change);
      bytes += change.bytes;
    }
  }

  /** The disk is full before the limit is reached: evicts as much as the batch needs, twice over. */
  async #makeSpace(batch: readonly Change<unknown>[]): Promise<boolean> {
    const neededBytes = batch.reduce((sum, change) => sum + change.bytes, 0);
    const { limitBytes } = this.#options;
    try {
      let evicted = 0;
      await this.#transact((ledger, totals) => {
        ledger.makeRoom(Math.max(0, limitBytes - totals.bytes) + 2 * neededBytes);
        evicted = ledger.evictions.length;
      });
      for (let i = 1; i < TRANSACTIONS_UNTIL_REUSE; i++) await this.#transact(() => undefined);
      return evicted > 0;
    } catch {
      return false;
    }
  }

  async #transact<T>(run: (ledger: Ledger<Uint8Array>, totals: Totals) => T): Promise<T> {
    const { environment, tables, limitBytes, onCommit } = this.#options;
    let evictions: Committed["evictions"] = [];
    let totals: Totals | undefined;
    const result = await commitError(
      environment.root.transaction(() => {
        const view = new TransactionTables(tables);
        const ledger = new Ledger(view, limitBytes);
        const value = run(ledger, view.totals);
        view.writeBack();
        evictions = ledger.evictions;
        totals = view.totals;
        return value;
      }),
    );
    if (totals) onCommit({ evictions, totals });
    return result;
  }
}

/** LMDB's wrapper says only that a commit failed; why stands in a second promise. */
async function commitError<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Error && "commitError" in error) {
      throw await Promise.resolve(error.commitError).catch((reason) => reason);
    }
    throw error;
  }
}

/** No space on the device, quota exceeded, file too large, or LMDB's map full. */
export function isNoSpace(error: unknown): boolean {
  if (["ENOSPC", "EDQUOT", "EFBIG"].includes(errorCode(error) ?? "")) return true;
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  const message = error instanceof Error ? error.message : "";
  return (
    code === 28 ||
    code === 122 ||
    code === 27 ||
    code === -30792 ||
    /No space left|MDB_MAP_FULL/.test(message)
  );
}

/** Waits for a small transaction of its own; throws `BC_STORE_FULL` or `BC_STORE_IO`, with the path. */
export async function writeFailure(path: string, promise: Promise<unknown>): Promise<void> {
  try {
    await commitError(promise);
  } catch (cause) {
    if (isNoSpace(cause))
      throw new StoreError("BC_STORE_FULL", "no space left on the device", { path, cause });
    throw new StoreError("BC_STORE_IO", errorMessage(cause), { path, cause });
  }
}
