/** Puts blocks: decides by what this process knows of a segment, and asks again where the engine knows another. */
import type { SealedBlock } from "@branchcache/content-info";
import { type Clock, errorCode } from "@branchcache/runtime";
import type { NewSegment, PutResult } from "../block-store.ts";
import { blockKey, encodeBlock } from "../node/encodings.ts";
import type { ChangeFeed, FullReporter } from "../store/report.ts";
import { copyFacts, judgePut, mergeFacts, newState, storedBytes } from "../store/segment-state.ts";
import type { Connection } from "./connection.ts";
import { engineError, isOutOfRoom } from "./errors.ts";
import type { Keyspace } from "./keyspace.ts";
import type { KnownSegments } from "./known-segments.ts";
import { MOST_ATTEMPTS, NO_BYTES, runPut } from "./put-script.ts";
import type { Removals } from "./removals.ts";
import { encodeHead, versionOf } from "./segment-codec.ts";
import type { AgeSetting } from "./settings.ts";
import type { Turns } from "./turns.ts";
import { Window } from "./window.ts";

export interface BlockPutsOptions {
  readonly connection: Connection;
  readonly keys: Keyspace;
  readonly age: AgeSetting;
  readonly known: KnownSegments;
  readonly turns: Turns;
  readonly removals: Removals;
  readonly feed: ChangeFeed;
  readonly full: FullReporter;
  readonly clock: Clock;
  /** As far as known, for the report that there is no room. */
  readonly limitBytes: () => number;
}

/** Blocks sent and not answered; callers wait while it is more. */
const WINDOW_BYTES = 16 * 2 ** 20;
/** An engine without room is not asked again for so long. */
const FULL_PAUSE_MS = 5000;
const NOTHING_NEW = { head: NO_BYTES, facts: NO_BYTES };

export class BlockPuts {
  readonly #options: BlockPutsOptions;
  readonly #window = new Window(WINDOW_BYTES);
  /** Monotonic. */
  #fullUntilMs = 0;
  /** Why a put since the last `flush` was not acknowledged. */
  #lost: unknown;

  constructor(options: BlockPutsOptions) {
    this.#options = options;
  }

  /** As `BlockStore.putBlock`, for arguments that `checkBlock` has let pass. */
  async put(segment: NewSegment, index: number, block: SealedBlock): Promise<PutResult> {
    const { keys, turns, clock } = this.#options;
    if (clock.monotonicMs() < this.#fullUntilMs) return "full";
    const own: NewSegment = { ...segment, id: new Uint8Array(segment.id), ...copyFacts(segment) };
    const value = encodeBlock(blockKey(own.id, index), block);
    const key = keys.segment(own.id);
    const isForeseen = this.#foresees(key, own, index);
    this.#window.take(value.length);
    const put = () => this.#put(key, own, index, value);
    // The first of a segment goes before the others, which else would all try to make it, and send their bytes twice.
    const result = (isForeseen ? turns.beside(key, put) : turns.alone(key, put))
      .catch((error: unknown) => this.#failed(error, storedBytes(block)))
      .finally(() => this.#window.give(value.length));
    // What is under way is as good as stored, as long as the cluster takes all.
    if (!isForeseen) return result;
    result.catch(() => {});
    await this.#window.room();
    return "stored";
  }

  /** Something went: the engine is asked again at once. */
  resume(): void {
    this.#fullUntilMs = 0;
  }

  /** Why a put since the last call was not acknowledged; undefined if all were. */
  takeLoss(): unknown {
    const lost = this.#lost;
    this.#lost = undefined;
    return lost;
  }

  /** Whether it is as good as certain that a put stores the block. */
  #foresees(key: string, segment: NewSegment, index: number): boolean {
    const { connection, known, age } = this.#options;
    const segmentKnown = known.peek(key);
    if (!segmentKnown || connection.isOut(key)) return false;
    try {
      return !age.isOver(segmentKnown.state) && judgePut(segmentKnown, segment, index) === "stored";
    } catch {
      return false;
    }
  }

  async #put(key: string, segment: NewSegment, index: number, value: Uint8Array): Promise<PutResult> {
    const { connection, age, known: segments, removals, feed, full, clock } = this.#options;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      // What this process remembers is good for storing; a refusal wants to be sure.
      const isSure = !this.#foresees(key, segment, index);
      if (isSure) segments.forget(key);
      const known = isSure ? await segments.load(key) : segments.peek(key);
      const nowMs = clock.wallMs();
      if (known && age.isOver(known.state)) {
        await removals.page([segment.id], false, "age");
        continue;
      }
      const verdict = judgePut(known, segment, index);
      const merged = known && mergeFacts(known.state, known.facts, segment);
      if (verdict === "already-held" && !merged) return verdict;

      const state = known?.state ?? newState(segment, 0, nowMs);
      const facts = merged ?? known?.facts ?? copyFacts(segment);
      const isStored = verdict === "stored";
      const isVerified = segment.trust === "verified";
      const isPromoted = isStored && isVerified && state.trust === "blind";
      if (isPromoted) state.trust = "verified";
      const isNew = !known || merged || isPromoted;
      const head = isNew ? encodeHead(state, facts) : NOTHING_NEW;
      if (isStored) {
        state.held.add(index);
        if (isVerified) state.verified.add(index);
      }
      const version = known?.version ?? NO_BYTES;
      segments.set(key, { version: isNew ? versionOf(head.head) : version, state, facts });
      const [leftMs, bitmapBytes] = [age.leftMs(state.createdMs), state.held.bits.length];
      const block = { index, value, isVerified, usedMs: nowMs, leftMs, bitmapBytes };
      const reply = await runPut(connection, key, { version, head, ...(isStored && { block }) });
      if (reply.kind === "held") return "already-held";
      if (reply.kind === "stored") {
        full.stored();
        feed.tell([{ kind: reply.isNewSegment ? "added" : "changed", id: segment.id }]);
        return "stored";
      }
      segments.learn(key, reply.fields);
      // Something lies there that no program of ours can read.
      if (reply.fields[0] && !segments.peek(key)) await removals.page([segment.id], true, "corrupt");
    }
    return "full";
  }

  #failed(error: unknown, bytes: number): PutResult {
    const { known, full, clock, limitBytes } = this.#options;
    if (isOutOfRoom(error)) {
      this.#fullUntilMs = clock.monotonicMs() + FULL_PAUSE_MS;
      full.full("limit", bytes, limitBytes());
      known.clear();
      return "full";
    }
    if (errorCode(error) === "BC_STORE_UNREACHABLE") {
      this.#lost ??= error;
      known.clear();
      return "full";
    }
    throw engineError(error);
  }
}
