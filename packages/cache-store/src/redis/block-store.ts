/**
 * The block store on a cluster that speaks the Redis protocol. Whether a block may be stored is decided here, by the rules
 * of every store; the engine carries it out in one step if the segment is still what the decision was about.
 */
import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { type Clock, errorCode, errorMessage, type Observer } from "@branchcache/runtime";
import type {
  BlockStore,
  HeldSegment,
  Limits,
  NewSegment,
  PutResult,
  ReadOptions,
  RemovalReason,
  RemoveAllOptions,
  SegmentRecord,
  SegmentSummary,
  StoreChange,
  StoredBlock,
  StoreStatistics,
  StoreUsage,
} from "../block-store.ts";
import { StoreError } from "../errors.ts";
import { BLOCK_HEADER_BYTES, blockKey, decodeBlock, encodeBlock } from "../node/encodings.ts";
import { AccessLog } from "../store/access-log.ts";
import { ChangeFeed, FullReporter, reportEvictions } from "../store/report.ts";
import {
  checkBlock,
  copyFacts,
  emptyTotals,
  heldSegment,
  isComplete,
  isExpired,
  judgePut,
  mergeFacts,
  newState,
  segmentRecord,
  segmentSummary,
  standing,
  storedBytes,
} from "../store/segment-state.ts";
import type { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { isOutOfRoom } from "./errors.ts";
import type { Keyspace } from "./keyspace.ts";
import { KnownSegments } from "./known-segments.ts";
import { decodeState, encodeHead, readFacts, STATE_FIELDS, versionOf } from "./segment-codec.ts";
import type { AgeSetting } from "./settings.ts";
import { Turns } from "./turns.ts";
import { Window } from "./window.ts";

export interface RedisBlockStoreOptions {
  readonly connection: Connection;
  readonly keys: Keyspace;
  readonly age: AgeSetting;
  /** That `flush` waits for. Default 1 if the cluster has any, else 0. */
  readonly replicas?: number;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly onRemoved: (id: SegmentId) => Promise<void>;
}

/** Blocks sent and not answered; callers wait while it is more. */
const WINDOW_BYTES = 16 * 2 ** 20;
/** Others may change a segment between a decision and its execution; more often than this in a row they do not. */
const MOST_ATTEMPTS = 8;
/** An engine without room is not asked again for so long. */
const FULL_PAUSE_MS = 5000;
/** A walk through everything takes at most one part in so many of the time. */
const WALK_SHARE = 20;
const HELD_FIELDS = STATE_FIELDS.slice(0, 4);
/** The engine has its own. */
const NO_LIMIT_BYTES = Number.POSITIVE_INFINITY;

type Fields = readonly (Uint8Array | null)[];
type Gone = { readonly id: SegmentId; readonly bytes: number; readonly whole: boolean };

export class RedisBlockStore implements BlockStore {
  readonly #options: RedisBlockStoreOptions;
  readonly #connection: Connection;
  readonly #known: KnownSegments;
  readonly #turns = new Turns();
  readonly #window = new Window(WINDOW_BYTES);
  readonly #accesses = new AccessLog();
  readonly #counters: Counters;
  readonly #full: FullReporter;
  readonly #feed = new ChangeFeed();
  /** Writes that nobody waits for. */
  readonly #notes = new Set<Promise<unknown>>();
  /** Why a put since the last `flush` was not acknowledged. */
  #lost: unknown;
  #fullUntilMs = 0;
  #census: { readonly usage: StoreUsage; readonly untilMs: number } | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RedisBlockStoreOptions) {
    this.#options = options;
    const { connection, keys, observer } = options;
    this.#connection = connection;
    this.#full = new FullReporter(observer);
    this.#counters = new Counters(connection, keys);
    this.#known = new KnownSegments((key) => this.#fields(key, ["m", "f", "h", "w", "p"]));
  }

  async holds(ids: readonly SegmentId[]): Promise<readonly (HeldSegment | undefined)[]> {
    this.#assertOpen();
    return Promise.all(
      ids.map((id) =>
        this.#look(id, HELD_FIELDS, (fields) => {
          const state = this.#state(fields);
          return state && heldSegment(state);
        }),
      ),
    );
  }

  async segment(id: SegmentId): Promise<SegmentRecord | undefined> {
    this.#assertOpen();
    return this.#look(id, [...STATE_FIELDS, "f"], (fields) => {
      const state = this.#state(fields);
      const facts = readFacts(fields.at(-1));
      return state && facts && segmentRecord(id, state, facts);
    });
  }

  async *ids(): AsyncIterable<SegmentId> {
    for await (const { id } of this.list()) yield id;
  }

  async *list(): AsyncIterable<SegmentSummary> {
    for await (const { id, fields } of this.#walk([...STATE_FIELDS, "f"])) {
      const state = this.#state(fields);
      const facts = readFacts(fields.at(-1));
      if (state && facts) yield segmentSummary(id, state, facts.tags);
      this.#assertOpen();
    }
  }

  async heldBlocks(id: SegmentId, trust?: "verified"): Promise<readonly number[] | undefined> {
    this.#assertOpen();
    return this.#look(id, HELD_FIELDS, (fields) => {
      const state = this.#state(fields);
      return state && (trust ? state.verified : state.held).indexes();
    });
  }

  async putBlock(segment: NewSegment, index: number, block: SealedBlock): Promise<PutResult> {
    this.#assertOpen();
    checkBlock(segment, index, block);
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#fullUntilMs) return "full";
    const own: NewSegment = { ...segment, id: new Uint8Array(segment.id), ...copyFacts(segment) };
    const value = encodeBlock(blockKey(own.id, index), block);
    const key = this.#options.keys.segment(own.id);
    const isForeseen = this.#foresees(key, own, index);
    this.#window.take(value.length);
    const put = () => this.#put(key, own, index, value);
    // The first of a segment goes before the others, which else would all try to make it, and send their bytes twice.
    const result = (isForeseen ? this.#turns.beside(key, put) : this.#turns.alone(key, put))
      .catch((error: unknown) => this.#failed(error, storedBytes(block)))
      .finally(() => this.#window.give(value.length));
    // What is under way is as good as stored, as long as the cluster takes all.
    if (!isForeseen) return result;
    result.catch(() => {});
    await this.#window.room();
    return "stored";
  }

  async getBlock(id: SegmentId, index: number, options?: ReadOptions): Promise<StoredBlock | undefined> {
    // What the client gives is this caller's alone.
    return this.withBlock(id, index, (block) => block, options);
  }

  async withBlock<T>(
    id: SegmentId,
    index: number,
    use: (block: StoredBlock) => T,
    { checked = true, counts = true }: ReadOptions = {},
  ): Promise<T | undefined> {
    this.#assertOpen();
    const found = await this.#look(id, [...HELD_FIELDS, `b${index}`], (fields) => {
      const state = this.#state(fields.slice(0, -1));
      return state?.held.has(index) ? { state, value: fields.at(-1) } : undefined;
    });
    if (!found) return undefined;
    const { state, value } = found;
    const block =
      value &&
      decodeBlock(blockKey(id, index), new Uint8Array(value.buffer, value.byteOffset, value.length), checked);
    if (!block) {
      await this.dropBlock(id, index).catch(() => {});
      return undefined;
    }
    if (counts && this.#accesses.note(this.#options.keys.segment(id), id, this.#options.clock.wallMs())) {
      this.#note(this.#writeAccesses());
    }
    return use({ ...block, ...standing(state, index) });
  }

  async dropBlock(id: SegmentId, index: number): Promise<boolean> {
    return this.#change(id, async (key) => {
      const [kind, bytes] = (await this.#connection.run("DROP", key, index, BLOCK_HEADER_BYTES)) as number[];
      if (!kind) return false;
      const gone = { id: new Uint8Array(id), bytes: bytes ?? 0, whole: kind === 2 };
      this.#gone([gone], "corrupt");
      if (!gone.whole) this.#feed.tell([{ kind: "changed", id: gone.id }]);
      return true;
    });
  }

  async removeSegment(id: SegmentId): Promise<boolean> {
    return this.#change(id, async (key) => {
      const bytes = Number(await this.#connection.run("REMOVE", key, 1));
      if (bytes >= 0) this.#gone([{ id: new Uint8Array(id), bytes, whole: true }], "removed");
      return bytes >= 0;
    });
  }

  async removeAll({ tag, shared = true, pinned = false }: RemoveAllOptions = {}): Promise<number> {
    let removed = 0;
    let page: SegmentId[] = [];
    const remove = async () => {
      removed += await this.#removePage(page, pinned, "flush");
      page = [];
    };
    for await (const { id, fields } of this.#walk(["f"])) {
      const tags = readFacts(fields[0])?.tags ?? [];
      if (tag !== undefined && !tags.includes(tag)) continue;
      if (tag !== undefined && !shared && tags.length > 1) {
        await this.#untag(id, tag, pinned);
        continue;
      }
      page.push(id);
      if (page.length === REMOVED_AT_ONCE) await remove();
    }
    await remove();
    return removed;
  }

  /** The engine does that by itself. */
  async expire(): Promise<number> {
    this.#assertOpen();
    return 0;
  }

  /** The limit is the sum of the masters' `maxmemory`; infinite where one has none. */
  async limits(): Promise<Limits> {
    this.#assertOpen();
    return { limitBytes: await this.#counters.limitBytes(), maxAgeMs: await this.#options.age.refresh() };
  }

  /** Ages only: throws `BC_STORE_INVALID` for a limit in bytes, which is the engine's own. */
  async setLimits(limits: Partial<Limits>): Promise<void> {
    this.#assertOpen();
    if (limits.limitBytes !== undefined) {
      throw new StoreError(
        "BC_STORE_INVALID",
        "the limit of a cluster is the maxmemory of its nodes: set it there",
      );
    }
    if (!("maxAgeMs" in limits)) return;
    const { age } = this.#options;
    await age.set(limits.maxAgeMs);
    for await (const { key, fields } of this.#walk(HELD_FIELDS)) {
      const state = decodeState(fields);
      if (state) await this.#connection.run("AGE", key, age.leftMs(state.createdMs));
    }
  }

  async statistics(): Promise<StoreStatistics> {
    this.#assertOpen();
    await this.#settle();
    return this.#counters.read();
  }

  watch(listener: (change: StoreChange) => void): () => void {
    return this.#feed.watch(listener);
  }

  async pin(id: SegmentId): Promise<boolean> {
    return this.#pin(id, 1);
  }

  async unpin(id: SegmentId): Promise<boolean> {
    const found = await this.#pin(id, -1);
    this.#fullUntilMs = 0;
    return found;
  }

  /** From a walk through all there is, not repeated before twenty times as long has passed as it took. */
  async usage(): Promise<StoreUsage> {
    this.#assertOpen();
    const { clock, observer } = this.#options;
    const startMs = clock.monotonicMs();
    if (this.#census && startMs < this.#census.untilMs) return this.#census.usage;
    let [bytes, complete, partial] = [0, 0, 0];
    for await (const { fields } of this.#walk(STATE_FIELDS)) {
      const state = this.#state(fields);
      if (!state) continue;
      bytes += state.bytes;
      if (isComplete(state)) complete++;
      else partial++;
    }
    const { limitBytes } = await this.limits();
    const usage = { bytes, limitBytes, segments: { complete, partial } };
    const endMs = clock.monotonicMs();
    this.#census = { usage, untilMs: endMs + WALK_SHARE * (endMs - startMs) };
    observer.measure("cache_bytes", bytes, { cache: "data" });
    observer.measure("cache_segments", complete, { state: "complete" });
    observer.measure("cache_segments", partial, { state: "partial" });
    return usage;
  }

  /**
   * All that was put before is acknowledged, by as many replicas as the store was opened with. Throws
   * `BC_STORE_UNREACHABLE` where it is not.
   */
  async flush(): Promise<void> {
    this.#assertOpen();
    await this.#settle();
    await this.#connection.confirm(this.#options.replicas);
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost !== undefined) throw lost;
  }

  /** Waits for answers, not for replicas. */
  close(): Promise<void> {
    this.#closing ??= this.#settle();
    return this.#closing;
  }

  async #settle(): Promise<void> {
    await this.#turns.settled();
    if (!this.#accesses.isEmpty) this.#note(this.#writeAccesses());
    while (this.#notes.size > 0) await Promise.allSettled(this.#notes);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreError("BC_STORE_CLOSED", "the store is closed");
  }

  /** Undefined for what is too old as well. */
  #state(fields: Fields) {
    const state = decodeState(fields);
    return state && isExpired(state, this.#options.clock.wallMs(), this.#options.age) ? undefined : state;
  }

  /** A read after all changes of that segment; a miss where the cluster does not answer. */
  async #look<T>(
    id: SegmentId,
    names: readonly string[],
    read: (fields: Fields) => T | undefined,
  ): Promise<T | undefined> {
    const key = this.#options.keys.segment(id);
    try {
      return read(await this.#turns.after(key, () => this.#fields(key, names)));
    } catch (error) {
      if (errorCode(error) === "BC_STORE_UNREACHABLE") return undefined;
      throw engineError(error);
    }
  }

  async #fields(key: string, names: readonly string[]): Promise<Fields> {
    return (await this.#connection.read(key, "hmget", ...names)) as Fields;
  }

  #change<T>(id: SegmentId, change: (key: string) => Promise<T>): Promise<T> {
    const key = this.#options.keys.segment(id);
    const own = async () => {
      this.#assertOpen();
      try {
        return await this.#turns.alone(key, () => change(key));
      } catch (error) {
        throw engineError(error);
      } finally {
        this.#known.forget(key);
      }
    };
    return own();
  }

  /** Whether it is as good as certain that a put stores the block. */
  #foresees(key: string, segment: NewSegment, index: number): boolean {
    const known = this.#known.peek(key);
    if (!known || this.#connection.isOut(key)) return false;
    try {
      if (isExpired(known.state, this.#options.clock.wallMs(), this.#options.age)) return false;
      return judgePut(known, segment, index, 0, emptyTotals(), NO_LIMIT_BYTES) === "stored";
    } catch {
      return false;
    }
  }

  async #put(key: string, segment: NewSegment, index: number, value: Uint8Array): Promise<PutResult> {
    const { clock, age } = this.#options;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      // What this process remembers is good for storing; a refusal wants to be sure.
      const isSure = !this.#foresees(key, segment, index);
      if (isSure) this.#known.forget(key);
      const known = isSure ? await this.#known.load(key) : this.#known.peek(key);
      const nowMs = clock.wallMs();
      if (known && isExpired(known.state, nowMs, age)) {
        await this.#removePage([segment.id], false, "age");
        continue;
      }
      const verdict = judgePut(known, segment, index, 0, emptyTotals(), NO_LIMIT_BYTES);
      const merged = known && mergeFacts(known.state, known.facts, segment);
      if (verdict === "already-held" && !merged) return verdict;

      const state = known?.state ?? newState(segment, 0, nowMs);
      const facts = merged ?? known?.facts ?? copyFacts(segment);
      const isStored = verdict === "stored";
      const isPromoted = isStored && segment.trust === "verified" && state.trust === "blind";
      if (isPromoted) state.trust = "verified";
      const isNew = !known || merged || isPromoted;
      const { head, facts: packed } = isNew ? encodeHead(state, facts) : NOTHING_NEW;
      if (isStored) {
        state.held.add(index);
        if (segment.trust === "verified") state.verified.add(index);
      }
      const version = known?.version ?? NO_BYTES;
      this.#known.set(key, { version: isNew ? versionOf(head) : version, state, facts });
      const reply = (await this.#connection.run(
        "PUT",
        key,
        version,
        head,
        packed,
        index,
        isStored ? value : NO_BYTES,
        segment.trust === "verified" ? 1 : 0,
        nowMs,
        age.leftMs(state.createdMs),
        state.held.bits.length,
        BLOCK_HEADER_BYTES,
      )) as [number, ...(number | Uint8Array | null)[]];
      if (reply[0] === 2) return "already-held";
      if (reply[0] === 1) {
        this.#full.stored();
        this.#feed.tell([{ kind: reply[1] === 1 ? "added" : "changed", id: segment.id }]);
        return "stored";
      }
      this.#known.learn(key, reply.slice(1) as (Uint8Array | null)[]);
      // Something lies there that no program of ours can read.
      if (reply[1] && !this.#known.peek(key)) await this.#removePage([segment.id], true, "corrupt");
    }
    return "full";
  }

  #failed(error: unknown, bytes: number): PutResult {
    if (isOutOfRoom(error)) {
      this.#fullUntilMs = this.#options.clock.monotonicMs() + FULL_PAUSE_MS;
      this.#full.full("limit", bytes, this.#counters.lastLimitBytes);
      this.#known.clear();
      return "full";
    }
    if (errorCode(error) === "BC_STORE_UNREACHABLE") {
      this.#lost ??= error;
      this.#known.clear();
      return "full";
    }
    throw engineError(error);
  }

  async #pin(id: SegmentId, delta: 1 | -1): Promise<boolean> {
    return this.#change(id, async (key) => {
      const state = this.#state(await this.#fields(key, HELD_FIELDS));
      if (!state) return false;
      const found = Number(
        await this.#connection.run("PIN", key, delta, this.#options.age.leftMs(state.createdMs)),
      );
      if (found) this.#feed.tell([{ kind: "changed", id: new Uint8Array(id) }]);
      return found === 1;
    });
  }

  async #untag(id: SegmentId, tag: string, pinned: boolean): Promise<void> {
    await this.#change(id, async (key) => {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        this.#known.forget(key);
        const known = await this.#known.load(key);
        if (!known || (known.state.pins > 0 && !pinned)) return;
        const { version, state, facts } = known;
        const { head, facts: packed } = encodeHead(state, {
          ...facts,
          tags: facts.tags.filter((one) => one !== tag),
        });
        const reply = await this.#connection.run(
          "PUT",
          key,
          version,
          head,
          packed,
          0,
          NO_BYTES,
          0,
          0,
          1,
          0,
          0,
        );
        if ((reply as number[])[0] === 2) return;
      }
    });
  }

  async #removePage(ids: readonly SegmentId[], pinned: boolean, reason: RemovalReason): Promise<number> {
    const { keys } = this.#options;
    const bytes = await Promise.all(
      ids.map((id) => this.#connection.run("REMOVE", keys.segment(id), pinned ? 1 : 0).then(Number)),
    );
    for (const id of ids) this.#known.forget(keys.segment(id));
    const gone = ids.flatMap((id, i) => {
      const size = bytes[i] ?? -1;
      return size < 0 ? [] : [{ id, bytes: size, whole: true }];
    });
    this.#gone(gone, reason);
    return gone.length;
  }

  #gone(gone: readonly Gone[], reason: RemovalReason): void {
    if (gone.length === 0) return;
    const { clock, observer, onRemoved } = this.#options;
    const evictions = gone.map((one) => ({ ...one, reason, atMs: clock.wallMs() }));
    this.#fullUntilMs = 0;
    reportEvictions(observer, evictions);
    this.#note(this.#counters.gone(evictions));
    const whole = evictions.filter((one) => one.whole);
    for (const { id } of whole) this.#note(onRemoved(id));
    this.#feed.tell(whole.map(({ id }) => ({ kind: "removed", id, reason })));
  }

  async #writeAccesses(): Promise<void> {
    const { keys } = this.#options;
    const accesses = this.#accesses.take();
    const hits = accesses.reduce((sum, access) => sum + access.hits, 0);
    await Promise.all([
      ...accesses.map((access) =>
        this.#connection.run("TOUCH", keys.segment(access.id), access.hits, access.usedMs),
      ),
      this.#counters.hits(hits),
    ]);
  }

  #note(writing: Promise<unknown>): void {
    const done = writing.then(
      () => {},
      () => {},
    );
    this.#notes.add(done);
    void done.then(() => this.#notes.delete(done));
  }

  /** Everything, in pages; what is too old is removed on the way. Throws `BC_STORE_UNREACHABLE` where a master is missing. */
  async *#walk(
    names: readonly string[],
  ): AsyncIterable<{ readonly id: SegmentId; readonly key: string; readonly fields: Fields }> {
    this.#assertOpen();
    await this.#settle();
    const { keys, clock, age } = this.#options;
    for await (const page of keys.walk(this.#connection, "segment")) {
      const rows = await Promise.all(
        page.map(async ({ key, id }) => ({
          key,
          id,
          fields: await this.#fields(key, [...HELD_FIELDS, ...names]),
        })),
      );
      const old: SegmentId[] = [];
      for (const { key, id, fields } of rows) {
        const state = decodeState(fields);
        if (!state) continue;
        if (isExpired(state, clock.wallMs(), age)) old.push(id);
        else yield { id, key, fields: fields.slice(HELD_FIELDS.length) };
      }
      await this.#removePage(old, false, "age");
    }
  }
}

const NO_BYTES = new Uint8Array(0);
const NOTHING_NEW = { head: NO_BYTES, facts: NO_BYTES };
/** Segments removed at once. */
const REMOVED_AT_ONCE = 256;

function engineError(error: unknown): unknown {
  if (error instanceof StoreError) return error;
  if (isOutOfRoom(error)) return new StoreError("BC_STORE_FULL", errorMessage(error), { cause: error });
  return new StoreError("BC_STORE_IO", errorMessage(error), { cause: error });
}
