/**
 * The block store on a cluster that speaks the Redis protocol. Whether a block may be stored is decided here, by the rules
 * of every store; the engine carries it out in one step if the segment is still what the decision was about.
 */
import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { type Clock, errorCode, type Observer } from "@branchcache/runtime";
import type {
  BlockStore,
  HeldSegment,
  Limits,
  NewSegment,
  PutResult,
  ReadOptions,
  RemoveAllOptions,
  SegmentRecord,
  SegmentSummary,
  StoreChange,
  StoredBlock,
  StoreStatistics,
  StoreUsage,
} from "../block-store.ts";
import { closedError, StoreError } from "../errors.ts";
import { blockKey, decodeBlock } from "../node/encodings.ts";
import { AccessLog } from "../store/access-log.ts";
import { Outstanding } from "../store/outstanding.ts";
import { ChangeFeed, FullReporter } from "../store/report.ts";
import {
  checkBlock,
  heldSegment,
  isComplete,
  type SegmentState,
  segmentRecord,
  segmentSummary,
  standing,
} from "../store/segment-state.ts";
import { BlockPuts } from "./block-puts.ts";
import type { Connection, Fields } from "./connection.ts";
import { Counters } from "./counters.ts";
import { engineError } from "./errors.ts";
import type { Keyspace } from "./keyspace.ts";
import { KnownSegments } from "./known-segments.ts";
import { Removals } from "./removals.ts";
import { decodeState, readFacts, STATE_FIELDS } from "./segment-codec.ts";
import type { AgeSetting } from "./settings.ts";
import { Turns } from "./turns.ts";

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

/** A walk through everything takes at most one part in so many of the time. */
const WALK_SHARE = 20;
const HELD_FIELDS = STATE_FIELDS.slice(0, 4);

export class RedisBlockStore implements BlockStore {
  readonly #options: RedisBlockStoreOptions;
  readonly #known: KnownSegments;
  readonly #puts: BlockPuts;
  readonly #removals: Removals;
  readonly #turns = new Turns();
  readonly #accesses = new AccessLog();
  readonly #counters: Counters;
  readonly #feed = new ChangeFeed();
  /** Writes that nobody waits for but `flush` and `close`. */
  readonly #background = new Outstanding();
  #census: { readonly usage: StoreUsage; readonly untilMs: number } | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RedisBlockStoreOptions) {
    this.#options = options;
    const { connection, keys, observer } = options;
    const counters = new Counters(connection, keys);
    this.#counters = counters;
    this.#known = new KnownSegments((key) => connection.fields(key, ["m", "f", "h", "w", "p"]));
    const shared = { ...options, known: this.#known, feed: this.#feed };
    this.#removals = new Removals({
      ...shared,
      counters,
      background: this.#background,
      change: (id, change) => this.#change(id, change),
      onRoom: () => this.#puts.resume(),
    });
    this.#puts = new BlockPuts({
      ...shared,
      turns: this.#turns,
      removals: this.#removals,
      full: new FullReporter(observer),
      limitBytes: () => counters.lastLimitBytes,
    });
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
    return this.#puts.put(segment, index, block);
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
      this.#writeAccesses();
    }
    return use({ ...block, ...standing(state, index) });
  }

  async dropBlock(id: SegmentId, index: number): Promise<boolean> {
    return this.#removals.block(id, index);
  }

  async removeSegment(id: SegmentId): Promise<boolean> {
    return this.#removals.segment(id);
  }

  async removeAll(which: RemoveAllOptions = {}): Promise<number> {
    return this.#removals.matching(this.#walk(["f"]), which);
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
    const { age, connection } = this.#options;
    await age.set(limits.maxAgeMs);
    for await (const { key, fields } of this.#walk(HELD_FIELDS)) {
      const state = decodeState(fields);
      if (state) await connection.run("AGE", key, age.leftMs(state.createdMs));
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
    this.#puts.resume();
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
    await this.#options.connection.confirm(this.#options.replicas);
    const lost = this.#puts.takeLoss();
    if (lost !== undefined) throw lost;
  }

  /** Waits for answers, not for replicas. */
  close(): Promise<void> {
    this.#closing ??= this.#settle();
    return this.#closing;
  }

  async #settle(): Promise<void> {
    await this.#turns.settled();
    if (!this.#accesses.isEmpty) this.#writeAccesses();
    await this.#background.done();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closedError();
  }

  /** Undefined for what is too old as well. */
  #state(fields: Fields): SegmentState | undefined {
    const state = decodeState(fields);
    return state && this.#options.age.isOver(state) ? undefined : state;
  }

  /** A read after all changes of that segment; a miss where the cluster does not answer. */
  async #look<T>(
    id: SegmentId,
    names: readonly string[],
    read: (fields: Fields) => T | undefined,
  ): Promise<T | undefined> {
    const { connection, keys } = this.#options;
    const key = keys.segment(id);
    try {
      return read(await this.#turns.after(key, () => connection.fields(key, names)));
    } catch (error) {
      if (errorCode(error) === "BC_STORE_UNREACHABLE") return undefined;
      throw engineError(error);
    }
  }

  /** Runs a change of one segment after all that was asked of it before. */
  async #change<T>(id: SegmentId, change: (key: string) => Promise<T>): Promise<T> {
    const key = this.#options.keys.segment(id);
    this.#assertOpen();
    try {
      return await this.#turns.alone(key, () => change(key));
    } catch (error) {
      throw engineError(error);
    } finally {
      this.#known.forget(key);
    }
  }

  async #pin(id: SegmentId, delta: 1 | -1): Promise<boolean> {
    const { connection, age } = this.#options;
    const own = new Uint8Array(id);
    return this.#change(own, async (key) => {
      const state = this.#state(await connection.fields(key, HELD_FIELDS));
      if (!state) return false;
      const found = Number(await connection.run("PIN", key, delta, age.leftMs(state.createdMs)));
      if (found) this.#feed.tell([{ kind: "changed", id: own }]);
      return found === 1;
    });
  }

  /** Writes reads down, in the background: losing them loses no block. */
  #writeAccesses(): void {
    const { connection, keys } = this.#options;
    const accesses = this.#accesses.take();
    const hits = accesses.reduce((sum, access) => sum + access.hits, 0);
    const writing = Promise.all([
      ...accesses.map(({ id, hits: count, usedMs }) =>
        connection.run("TOUCH", keys.segment(id), count, usedMs),
      ),
      this.#counters.hits(hits),
    ]);
    void this.#background.add(
      writing.then(
        () => {},
        () => {},
      ),
    );
  }

  /** Everything, in pages; what is too old is removed on the way. Throws `BC_STORE_UNREACHABLE` where a master is missing. */
  async *#walk(
    names: readonly string[],
  ): AsyncIterable<{ readonly id: SegmentId; readonly key: string; readonly fields: Fields }> {
    this.#assertOpen();
    await this.#settle();
    const { connection, keys, age } = this.#options;
    for await (const page of keys.walk(connection, "segment")) {
      const rows = await Promise.all(
        page.map(async ({ key, id }) => ({
          key,
          id,
          fields: await connection.fields(key, [...HELD_FIELDS, ...names]),
        })),
      );
      const old: SegmentId[] = [];
      for (const { key, id, fields } of rows) {
        const state = decodeState(fields);
        if (!state) continue;
        if (age.isOver(state)) old.push(id);
        else yield { id, key, fields: fields.slice(HELD_FIELDS.length) };
      }
      await this.#removals.page(old, false, "age");
    }
  }
}
