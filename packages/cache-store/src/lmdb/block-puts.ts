/** Puts blocks: decides by what the segment will be once its queued changes are committed, and tells at once. */
import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { type Clock, errorCode, errorMessage, type Observer } from "@branchcache/runtime";
import type { Limits, NewSegment, PutResult } from "../block-store.ts";
import { blockKey } from "../node/encodings.ts";
import type { Ledger } from "../store/ledger.ts";
import type { FullReporter } from "../store/report.ts";
import {
  checkBlock,
  copyFacts,
  judgePut,
  mayGrow,
  mergeFacts,
  newState,
  storedBytes,
  type Totals,
} from "../store/segment-state.ts";
import type { BatchWriter } from "./batch-writer.ts";
import { placeOf } from "./blocks/appender.ts";
import type { BlockFiles } from "./blocks/block-files.ts";
import type { Place } from "./blocks/place.ts";
import type { Outcome } from "./change.ts";
import type { ChangeQueue, Expected } from "./change-queue.ts";
import type { Environment } from "./environment.ts";

export interface BlockPutsOptions {
  readonly environment: Environment;
  readonly files: BlockFiles;
  readonly writer: BatchWriter;
  readonly queue: ChangeQueue;
  readonly full: FullReporter;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly totals: () => Totals;
  readonly limits: () => Limits;
  readonly expect: (id: SegmentId) => Expected;
  /** Throws `BC_STORE_CLOSED`. */
  readonly assertOpen: () => void;
}

/** A disk without room is not asked again for so long, unless something has gone meanwhile. */
const DISK_FULL_PAUSE_MS = 5000;

export class BlockPuts {
  readonly #options: BlockPutsOptions;
  /** Monotonic. */
  #diskFullUntilMs = 0;
  /** Why a put since the last `flush` is not on the disk. */
  #lost: unknown;
  /** Set while no block is to be stored. */
  isPaused = false;

  constructor(options: BlockPutsOptions) {
    this.#options = options;
  }

  /** As `BlockStore.putBlock`. */
  async put(segment: NewSegment, index: number, block: SealedBlock): Promise<PutResult> {
    this.#options.assertOpen();
    checkBlock(segment, index, block);
    const { clock, environment, files, full, limits, queue, totals, writer } = this.#options;
    // Nobody waits for a copy of all there is: better not to cache.
    if (environment.isMoving || this.isPaused) return "full";
    const { limitBytes } = limits();
    const expected = this.#options.expect(segment.id);
    const { known } = expected;
    const bytes = storedBytes(block);
    const growthBytes = known?.state.held.has(index) ? 0 : bytes;
    const verdict = judgePut(known, segment, index);
    if (verdict === "stored" && !mayGrow(known?.state, growthBytes, totals(), limitBytes)) {
      full.full("limit", totals().bytes, limitBytes);
      return "full";
    }
    const merged = known && mergeFacts(known.state, known.facts, segment);
    if (verdict === "already-held" && !merged) return verdict;
    if (clock.monotonicMs() < this.#diskFullUntilMs) return "full";

    const nowMs = clock.wallMs();
    const state = known?.state ?? newState(segment, 0, nowMs);
    const facts = merged ?? known?.facts ?? copyFacts(segment);
    if (verdict === "stored") {
      state.held.add(index);
      state.bytes += growthBytes;
      if (segment.trust === "verified") {
        state.trust = "verified";
        state.verified.add(index);
      }
    }
    expected.known = { state, facts };

    const { lengthBytes, blockSizeBytes, trust } = segment;
    let own = expected.segment;
    if (!own || merged || own.trust !== trust || verdict !== "stored") {
      own = { ...facts, id: own?.id ?? new Uint8Array(segment.id), lengthBytes, blockSizeBytes, trust };
      expected.segment = own;
    }
    const { id } = own;
    const staged = files.stage(blockKey(id, index), block);
    const run = (ledger: Ledger<Place>) => ledger.put(own, index, bytes, placeOf(staged), nowMs);
    const change = { bytes, staged, run };
    // As long as the disk takes all, what the queue holds is as good as stored, and nobody waits for it.
    if (writer.failing) {
      return queue.change(expected, change).then(
        (value) => this.#judge({ value }),
        (error: unknown) => this.#judge({ error }),
      );
    }
    queue.tell(expected, change, (outcome) => {
      if ("value" in outcome || isFull(outcome.error)) this.#judge(outcome);
      else this.#noteLoss(outcome.error);
    });
    await writer.room();
    await files.room();
    return verdict;
  }

  /** Something went: the disk is asked again at once. */
  resume(): void {
    this.#diskFullUntilMs = 0;
  }

  /** Why a put since the last call is not on the disk; undefined if all are. */
  takeLoss(): unknown {
    const lost = this.#lost;
    this.#lost = undefined;
    return lost;
  }

  /** What became of a put. Throws what the caller has to hear of. */
  #judge(outcome: Outcome<PutResult>): PutResult {
    const { clock, full, limits, totals, writer } = this.#options;
    if ("value" in outcome) {
      if (outcome.value === "full") full.full("limit", totals().bytes, limits().limitBytes);
      if (outcome.value === "stored" && !writer.failing) full.stored();
      return outcome.value;
    }
    if (!isFull(outcome.error)) throw outcome.error;
    this.#diskFullUntilMs = clock.monotonicMs() + DISK_FULL_PAUSE_MS;
    return "full";
  }

  /** Of a block that was as good as stored. */
  #noteLoss(error: unknown): void {
    if (this.#lost === undefined) {
      const { environment, observer } = this.#options;
      const fields = { path: environment.path, reason: errorMessage(error) };
      observer.event("error", "cache.save_failed", fields);
    }
    this.#lost ??= error;
  }
}

function isFull(error: unknown): boolean {
  return errorCode(error) === "BC_STORE_FULL";
}
