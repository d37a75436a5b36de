/**
 * Several stores as one, such as files on several volumes. A segment lives in one of them: where it is already,
 * else where its identifier belongs, by shares in proportion to the limits. Each evicts for itself.
 */
import type { SealedBlock, SegmentId } from "@branchcache/content-info";
import { toHex } from "@branchcache/runtime";
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
import { MOST_NOTES } from "./report.ts";
import { emptyTotals, REMOVAL_REASONS } from "./segment-state.ts";

/** Where recent segments are, so that only the first put of each asks. */
const MOST_ROUTES = 4096;

export class SpannedBlockStore implements BlockStore {
  readonly #parts: BlockStore[];
  readonly #routes = new Map<string, BlockStore | Promise<BlockStore>>();
  readonly #finding = new Set<Promise<BlockStore>>();
  readonly #watchers = new Set<{ readonly listener: (change: StoreChange) => void; stops: (() => void)[] }>();

  /** At least one; the first is asked first. */
  constructor(parts: readonly BlockStore[]) {
    this.#parts = [...parts];
  }

  /** From now on; what is held stays where it is. */
  add(part: BlockStore): void {
    this.#parts.push(part);
    this.#routes.clear();
    for (const watcher of this.#watchers) watcher.stops.push(part.watch(watcher.listener));
  }

  /** What it holds is held no more. */
  take(part: BlockStore): void {
    this.#parts.splice(this.#parts.indexOf(part), 1);
    this.#routes.clear();
  }

  async holds(ids: readonly SegmentId[]): Promise<readonly (HeldSegment | undefined)[]> {
    const [only, ...others] = this.#parts;
    if (only && others.length === 0) return only.holds(ids);
    await this.#pending();
    const answers = await Promise.all(this.#parts.map((part) => part.holds(ids)));
    return ids.map((_, i) => answers.find((answer) => answer[i] !== undefined)?.[i]);
  }

  async segment(id: SegmentId): Promise<SegmentRecord | undefined> {
    return this.#first((part) => part.segment(id));
  }

  async *ids(): AsyncIterable<SegmentId> {
    for (const part of [...this.#parts]) yield* part.ids();
  }

  async *list(): AsyncIterable<SegmentSummary> {
    for (const part of [...this.#parts]) yield* part.list();
  }

  async heldBlocks(id: SegmentId, trust?: "verified"): Promise<readonly number[] | undefined> {
    return this.#first((part) => part.heldBlocks(id, trust));
  }

  async putBlock(segment: NewSegment, index: number, block: SealedBlock): Promise<PutResult> {
    const route = this.#route(segment.id);
    if (!(route instanceof Promise)) return route.putBlock(segment, index, block);
    const own = { ...block, iv: new Uint8Array(block.iv), data: new Uint8Array(block.data) };
    const { hashOfData, blockHashes } = segment;
    const ownSegment: NewSegment = {
      ...segment,
      id: new Uint8Array(segment.id),
      ...(hashOfData && { hashOfData: new Uint8Array(hashOfData) }),
      ...(blockHashes && { blockHashes: new Uint8Array(blockHashes) }),
    };
    return route.then((part) => part.putBlock(ownSegment, index, own));
  }

  async getBlock(id: SegmentId, index: number, options?: ReadOptions): Promise<StoredBlock | undefined> {
    return this.#first((part) => part.getBlock(id, index, options));
  }

  async withBlock<T>(
    id: SegmentId,
    index: number,
    use: (block: StoredBlock) => T,
    options?: ReadOptions,
  ): Promise<T | undefined> {
    const found = await this.#first((part) =>
      part.withBlock(id, index, (block) => ({ value: use(block) }), options),
    );
    return found?.value;
  }

  async dropBlock(id: SegmentId, index: number): Promise<boolean> {
    return this.#at(id, (part) => part.dropBlock(id, index));
  }

  async removeSegment(id: SegmentId): Promise<boolean> {
    return this.#at(id, (part) => part.removeSegment(id));
  }

  async pin(id: SegmentId): Promise<boolean> {
    return this.#at(id, (part) => part.pin(id));
  }

  async unpin(id: SegmentId): Promise<boolean> {
    return this.#at(id, (part) => part.unpin(id));
  }

  async removeAll(which?: RemoveAllOptions): Promise<number> {
    return sum(await this.#each((part) => part.removeAll(which)));
  }

  async expire(): Promise<number> {
    return sum(await this.#each((part) => part.expire()));
  }

  async limits(): Promise<Limits> {
    const limits = await this.#each((part) => part.limits());
    return { limitBytes: sum(limits.map(({ limitBytes }) => limitBytes)), maxAgeMs: limits[0]?.maxAgeMs };
  }

  /** A limit in bytes is for all together, and shared out as the present ones are. */
  async setLimits(limits: Partial<Limits>): Promise<void> {
    const { limitBytes, ...rest } = limits;
    const present = (await this.#each((part) => part.limits())).map((one) => one.limitBytes);
    const total = sum(present);
    const shares = present.map((bytes) =>
      Math.floor((limitBytes ?? 0) * (total === 0 ? 1 / present.length : bytes / total)),
    );
    await Promise.all(
      this.#parts.map((part, i) => {
        // The first takes what rounding leaves, and a bad figure, which it refuses.
        const share = i === 0 ? (limitBytes ?? 0) - sum(shares.slice(1)) : (shares[i] ?? 0);
        return part.setLimits({ ...rest, ...(limitBytes !== undefined && { limitBytes: share }) });
      }),
    );
  }

  async statistics(): Promise<StoreStatistics> {
    const all = await this.#each((part) => part.statistics());
    const { gone } = emptyTotals();
    for (const reason of REMOVAL_REASONS) {
      gone[reason].segments = sum(all.map((one) => one.gone[reason].segments));
      gone[reason].bytes = sum(all.map((one) => one.gone[reason].bytes));
    }
    const latest = all.flatMap((one) => one.latest).sort((a, b) => b.atMs - a.atMs);
    const pinned = all.flatMap(({ pinnedBytes }) => pinnedBytes ?? []);
    const oldest = all.flatMap(({ oldestMs }) => oldestMs ?? []);
    return {
      hits: sum(all.map(({ hits }) => hits)),
      gone,
      latest: latest.slice(0, MOST_NOTES),
      ...(pinned.length === all.length && { pinnedBytes: sum(pinned) }),
      ...(oldest.length > 0 && { oldestMs: Math.min(...oldest) }),
    };
  }

  watch(listener: (change: StoreChange) => void): () => void {
    const watcher = { listener, stops: this.#parts.map((part) => part.watch(listener)) };
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
      for (const stop of watcher.stops) stop();
    };
  }

  async usage(): Promise<StoreUsage> {
    const all = await this.#each((part) => part.usage());
    return {
      bytes: sum(all.map(({ bytes }) => bytes)),
      limitBytes: sum(all.map(({ limitBytes }) => limitBytes)),
      segments: {
        complete: sum(all.map(({ segments }) => segments.complete)),
        partial: sum(all.map(({ segments }) => segments.partial)),
      },
    };
  }

  async flush(): Promise<void> {
    await this.#pending();
    await this.#each((part) => part.flush());
  }

  async close(): Promise<void> {
    await this.#pending();
    await this.#each((part) => part.close());
  }

  #each<T>(ask: (part: BlockStore) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#parts.map(ask));
  }

  async #first<T>(ask: (part: BlockStore) => Promise<T | undefined>): Promise<T | undefined> {
    await this.#pending();
    for (const part of this.#parts) {
      const answer = await ask(part);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  /** Puts that still look for their place come before a read asked for after them. */
  #pending(): Promise<unknown> | undefined {
    return this.#finding.size === 0 ? undefined : Promise.all(this.#finding);
  }

  #at<T>(id: SegmentId, ask: (part: BlockStore) => Promise<T>): Promise<T> {
    const route = this.#route(id);
    return route instanceof Promise ? route.then(ask) : ask(route);
  }

  #route(id: SegmentId): BlockStore | Promise<BlockStore> {
    const [only] = this.#parts;
    if (only && this.#parts.length === 1) return only;
    const key = toHex(id);
    const known = this.#routes.get(key);
    if (known) return known;
    const finding = this.#find(new Uint8Array(id)).then((part) => {
      if (this.#routes.get(key) === finding) this.#routes.set(key, part);
      return part;
    });
    this.#routes.set(key, finding);
    this.#finding.add(finding);
    const found = () => this.#finding.delete(finding);
    finding.then(found, () => {
      found();
      this.#routes.delete(key);
    });
    for (const [old, route] of this.#routes) {
      if (this.#routes.size <= MOST_ROUTES) break;
      if (!(route instanceof Promise)) this.#routes.delete(old);
    }
    return finding;
  }

  async #find(id: SegmentId): Promise<BlockStore> {
    for (const part of this.#parts) {
      const [held] = await part.holds([id]);
      if (held) return part;
    }
    let home: BlockStore | undefined;
    let best = Number.NEGATIVE_INFINITY;
    for (const [i, part] of this.#parts.entries()) {
      const { limitBytes } = await part.limits();
      // Highest of weighted draws: a part more takes its share from all others, and moves nothing else.
      const score = limitBytes === 0 ? Number.NEGATIVE_INFINITY : -limitBytes / Math.log(draw(id, i));
      if (!home || score > best) [home, best] = [part, score];
    }
    if (!home) throw new TypeError("a store without parts");
    return home;
  }
}

/** In (0, 1), from the identifier, which is a hash, and the part's number. */
function draw(id: SegmentId, part: number): number {
  let hash = Math.imul(part + 1, 0x9e3779b1);
  for (const byte of id) {
    hash = Math.imul(hash ^ byte, 0x01000193);
    hash ^= hash >>> 15;
  }
  return ((hash >>> 0) + 0.5) / 2 ** 32;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
