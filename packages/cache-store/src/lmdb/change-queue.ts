/**
 * Changes on their way to the batch writer, and what each segment will be once its own are committed: whoever puts a block
 * is told at once what becomes of it.
 */
import type { SegmentId } from "@branchcache/content-info";
import type { NewSegment } from "../block-store.ts";
import type { SegmentFacts, SegmentState } from "../store/segment-state.ts";
import type { BatchWriter } from "./batch-writer.ts";
import type { Change, Outcome } from "./change.ts";
import { mapKey } from "./tables.ts";

type Known = { readonly state: SegmentState; readonly facts: SegmentFacts } | undefined;

/** A segment as it will be, as far as can be told beforehand. */
export interface Expected {
  readonly key: string;
  known: Known;
  /** What was last queued for it: mostly the next block is of the same writer. */
  segment: NewSegment | undefined;
  queuedChanges: number;
}

type QueuedChange<T> = Pick<Change<T>, "bytes" | "staged" | "run">;
type Settle<T> = (outcome: Outcome<T>) => void;

export class ChangeQueue {
  readonly #writer: BatchWriter;
  readonly #expected = new Map<string, Expected>();

  constructor(writer: BatchWriter) {
    this.#writer = writer;
  }

  /** From its queued changes; where there are none, as `read` finds it. */
  expected(id: SegmentId, read: () => Known): Expected {
    const key = mapKey(id);
    return this.#expected.get(key) ?? { key, known: read(), segment: undefined, queuedChanges: 0 };
  }

  /** Changes of one of these segments are queued. */
  concerns(ids: readonly SegmentId[]): boolean {
    return this.#expected.size > 0 && ids.some((id) => this.#expected.has(mapKey(id)));
  }

  /** Queues a change of one segment; resolves with its outcome when that is committed. */
  change<T>(expected: Expected, change: QueuedChange<T>): Promise<T> {
    return new Promise((resolve, reject) => this.tell(expected, change, settler(resolve, reject)));
  }

  /** The same for whoever does not wait: `settle` is told the outcome, and must not throw. */
  tell<T>(expected: Expected, { bytes, staged, run }: QueuedChange<T>, settle: Settle<T>): void {
    expected.queuedChanges++;
    this.#expected.set(expected.key, expected);
    const settleBoth: Settle<T> = (outcome) => {
      expected.queuedChanges--;
      if (expected.queuedChanges === 0) this.#expected.delete(expected.key);
      settle(outcome);
    };
    this.#writer.enqueue({ bytes, staged, run, settle: settleBoth });
  }

  /** Queues a change of no segment in particular. */
  whole<T>(run: Change<T>["run"]): Promise<T> {
    const done = this.unseen({ bytes: 0, run });
    // Some have nobody who waits.
    done.catch(() => {});
    return done;
  }

  /** Queues a change that leaves all segments what they are. */
  unseen<T>({ bytes, staged, run }: QueuedChange<T>): Promise<T> {
    return new Promise((resolve, reject) =>
      this.#writer.enqueue({ bytes, staged, run, settle: settler(resolve, reject) }),
    );
  }
}

function settler<T>(resolve: (value: T) => void, reject: (error: unknown) => void): Settle<T> {
  return (outcome) => ("value" in outcome ? resolve(outcome.value) : reject(outcome.error));
}
