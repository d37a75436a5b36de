/** Takes segments and blocks out of the cluster, counts what went, and tells whom it concerns. */
import type { SegmentId } from "@branchcache/content-info";
import type { Clock, Observer } from "@branchcache/runtime";
import type { RemovalReason, RemoveAllOptions } from "../block-store.ts";
import { BLOCK_HEADER_BYTES } from "../node/encodings.ts";
import type { Outstanding } from "../store/outstanding.ts";
import { type ChangeFeed, reportEvictions } from "../store/report.ts";
import type { Connection, Fields } from "./connection.ts";
import type { Counters } from "./counters.ts";
import type { Keyspace } from "./keyspace.ts";
import type { KnownSegments } from "./known-segments.ts";
import { MOST_ATTEMPTS, runPut } from "./put-script.ts";
import { encodeHead, readFacts } from "./segment-codec.ts";

export interface RemovalsOptions {
  readonly connection: Connection;
  readonly keys: Keyspace;
  readonly known: KnownSegments;
  readonly counters: Counters;
  readonly feed: ChangeFeed;
  readonly clock: Pick<Clock, "wallMs">;
  readonly observer: Observer;
  /** Takes what is counted and told after a removal has been answered. */
  readonly background: Outstanding;
  /** Runs a change of one segment in its turn. */
  readonly change: <T>(id: SegmentId, change: (key: string) => Promise<T>) => Promise<T>;
  readonly onRemoved: (id: SegmentId) => Promise<void>;
  /** Something went: there may be room again. */
  readonly onRoom: () => void;
}

/** Segments removed at once. */
const REMOVED_AT_ONCE = 256;

type Gone = { readonly id: SegmentId; readonly bytes: number; readonly whole: boolean };

export class Removals {
  readonly #options: RemovalsOptions;

  constructor(options: RemovalsOptions) {
    this.#options = options;
  }

  /** One block, as `corrupt`, and the segment with its last one. False if it is not held. */
  async block(id: SegmentId, index: number): Promise<boolean> {
    const { connection, feed, change } = this.#options;
    const own = new Uint8Array(id);
    return change(own, async (key) => {
      const [kind, bytes] = (await connection.run("DROP", key, index, BLOCK_HEADER_BYTES)) as number[];
      if (!kind) return false;
      const gone = { id: own, bytes: bytes ?? 0, whole: kind === 2 };
      this.#gone([gone], "corrupt");
      if (!gone.whole) feed.tell([{ kind: "changed", id: gone.id }]);
      return true;
    });
  }

  /** One segment, pinned or not. False if it is not held. */
  async segment(id: SegmentId): Promise<boolean> {
    const { connection, change } = this.#options;
    const own = new Uint8Array(id);
    return change(own, async (key) => {
      const bytes = Number(await connection.run("REMOVE", key, 1));
      if (bytes >= 0) this.#gone([{ id: own, bytes, whole: true }], "removed");
      return bytes >= 0;
    });
  }

  /** As `BlockStore.removeAll`, of the segments that `walk` finds with their facts. */
  async matching(
    walk: AsyncIterable<{ readonly id: SegmentId; readonly fields: Fields }>,
    { tag, shared = true, pinned = false }: RemoveAllOptions,
  ): Promise<number> {
    let removed = 0;
    let page: SegmentId[] = [];
    const remove = async () => {
      removed += await this.page(page, pinned, "flush");
      page = [];
    };
    for await (const { id, fields } of walk) {
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

  /** Some segments at once, in nobody's turn; pinned ones if so asked. Gives the number removed. */
  async page(ids: readonly SegmentId[], pinned: boolean, reason: RemovalReason): Promise<number> {
    const { connection, keys, known } = this.#options;
    const bytes = await Promise.all(
      ids.map((id) => connection.run("REMOVE", keys.segment(id), pinned ? 1 : 0).then(Number)),
    );
    for (const id of ids) known.forget(keys.segment(id));
    const gone = ids.flatMap((id, i) => {
      const size = bytes[i] ?? -1;
      return size < 0 ? [] : [{ id, bytes: size, whole: true }];
    });
    this.#gone(gone, reason);
    return gone.length;
  }

  async #untag(id: SegmentId, tag: string, pinned: boolean): Promise<void> {
    const { connection, known: segments, change } = this.#options;
    await change(id, async (key) => {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        segments.forget(key);
        const known = await segments.load(key);
        if (!known || (known.state.pins > 0 && !pinned)) return;
        const { version, state, facts } = known;
        const tags = facts.tags.filter((one) => one !== tag);
        const reply = await runPut(connection, key, { version, head: encodeHead(state, { ...facts, tags }) });
        if (reply.kind === "held") return;
      }
    });
  }

  #gone(gone: readonly Gone[], reason: RemovalReason): void {
    if (gone.length === 0) return;
    const { clock, observer, counters, feed, background, onRemoved, onRoom } = this.#options;
    const evictions = gone.map((one) => ({ ...one, reason, atMs: clock.wallMs() }));
    onRoom();
    reportEvictions(observer, evictions);
    const whole = evictions.filter((one) => one.whole);
    // What is not counted is not worth a failure, and a secret left behind is harmless.
    for (const writing of [counters.gone(evictions), ...whole.map(({ id }) => onRemoved(id))])
      void background.add(writing.catch(() => {}));
    feed.tell(whole.map(({ id }) => ({ kind: "removed", id, reason })));
  }
}
