/** The daemon's block store, with its accesses timed for the metric `cache_access_seconds`. */
import type { BlockStore } from "@branchcache/cache-store";
import type { Clock, Observer } from "@branchcache/runtime";

const READ = { op: "read" };
const WRITE = { op: "write" };

export function timedBlocks(blocks: BlockStore, clock: Clock, observer: Observer): BlockStore {
  const timed = async <T>(access: () => Promise<T>, labels: typeof READ): Promise<T> => {
    const startMs = clock.monotonicMs();
    const result = await access();
    observer.measure("cache_access_seconds", (clock.monotonicMs() - startMs) / 1_000, labels);
    return result;
  };
  return {
    holds: (ids) => blocks.holds(ids),
    segment: (id) => blocks.segment(id),
    ids: () => blocks.ids(),
    heldBlocks: (id, trust) => blocks.heldBlocks(id, trust),
    putBlock: (segment, index, block) => timed(() => blocks.putBlock(segment, index, block), WRITE),
    getBlock: (id, index, options) => timed(() => blocks.getBlock(id, index, options), READ),
    withBlock: (id, index, use, options) => timed(() => blocks.withBlock(id, index, use, options), READ),
    list: () => blocks.list(),
    dropBlock: (id, index) => blocks.dropBlock(id, index),
    removeAll: (which) => blocks.removeAll(which),
    expire: () => blocks.expire(),
    limits: () => blocks.limits(),
    setLimits: (limits) => blocks.setLimits(limits),
    statistics: () => blocks.statistics(),
    watch: (listener) => blocks.watch(listener),
    removeSegment: (id) => blocks.removeSegment(id),
    pin: (id) => blocks.pin(id),
    unpin: (id) => blocks.unpin(id),
    usage: () => blocks.usage(),
    flush: () => blocks.flush(),
    close: () => blocks.close(),
  };
}
