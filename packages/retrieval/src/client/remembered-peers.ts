/** Server lists that outlive a download. [MS-CCRSO] 5.1.2.2, 6.4; [MS-CCROD] 2.8.1.2.2 */
import type { Segment } from "@branchcache/content-info";
import { type Clock, toHex } from "@branchcache/runtime";
import type { FoundPeer, PeerFinder, PeerSource } from "./peers.ts";

/** How much is remembered, and for how long: lifetimes are in milliseconds. */
export interface RememberOptions {
  readonly clock: Clock;
  /** Peers in one list; the least recently found goes first. Default 16. */
  readonly maxPeers?: number;
  /** Lists; the least recently used goes first. Default 256. */
  readonly maxLists?: number;
  /** How long a peer stays in a list. Default 60,000, as Windows has it; the text says 15,000. */
  readonly peerLifetimeMs?: number;
  /** How long "nobody has it" holds. Default 15,000. */
  readonly emptyLifetimeMs?: number;
}

/** A finder with a memory. */
export interface RememberedPeers extends PeerFinder {
  /** Strikes a peer from all lists. */
  forget(peerId: string): void;
}

type Held = FoundPeer["segments"][number];

interface Entry {
  readonly peer: PeerSource;
  readonly held: Map<string, Held>;
  readonly foundMs: number;
}

/** One question's answers. For V2 content a list is about many small segments at once. */
interface ServerList {
  readonly keys: Set<string>;
  readonly entries: Map<string, Entry>;
  readonly askedMs: number;
}

/**
 * A finder that answers from what it remembers before it asks: peers found lately are given at once, and
 * a segment that nobody had within the last 15 s is not asked about again.
 */
export function rememberPeers(finder: PeerFinder, options: RememberOptions): RememberedPeers {
  const { clock, emptyLifetimeMs = 15_000, maxLists = 256, maxPeers = 16, peerLifetimeMs = 60_000 } = options;
  const lists = new Set<ServerList>();
  const byKey = new Map<string, ServerList>();

  const drop = (list: ServerList): void => {
    lists.delete(list);
    for (const key of list.keys) if (byKey.get(key) === list) byKey.delete(key);
  };

  const prune = (list: ServerList): void => {
    const nowMs = clock.monotonicMs();
    for (const [id, { foundMs }] of list.entries) {
      if (nowMs - foundMs >= peerLifetimeMs) list.entries.delete(id);
    }
    if (list.entries.size === 0 && nowMs - list.askedMs >= emptyLifetimeMs) drop(list);
  };

  /** The list about this segment, if it still says something of it: who holds it, or that nobody does. */
  const listOf = (key: string): ServerList | undefined => {
    const list = byKey.get(key);
    if (!list) return undefined;
    prune(list);
    if (!lists.has(list)) return undefined;
    const held = [...list.entries.values()].some((entry) => entry.held.has(key));
    if (!held && clock.monotonicMs() - list.askedMs >= emptyLifetimeMs) return undefined;
    lists.delete(list);
    lists.add(list);
    return list;
  };

  const open = (keys: readonly string[]): ServerList => {
    const list: ServerList = { keys: new Set(keys), entries: new Map(), askedMs: clock.monotonicMs() };
    lists.add(list);
    for (const key of keys) byKey.set(key, list);
    for (const oldest of lists) {
      if (lists.size <= maxLists) break;
      drop(oldest);
    }
    return list;
  };

  const note = ({ entries }: ServerList, { peer, segments }: FoundPeer): void => {
    const held = entries.get(peer.id)?.held ?? new Map<string, Held>();
    for (const each of segments) held.set(toHex(each.id), each);
    entries.delete(peer.id);
    entries.set(peer.id, { peer, held, foundMs: clock.monotonicMs() });
    for (const id of entries.keys()) {
      if (entries.size <= maxPeers) break;
      entries.delete(id);
    }
  };

  return {
    async *find(segments, signal) {
      const unknown: Segment[] = [];
      const known = new Map<string, { readonly peer: PeerSource; readonly segments: Held[] }>();
      for (const segment of segments) {
        const key = toHex(segment.id);
        const list = listOf(key);
        if (!list) unknown.push(segment);
        for (const { held, peer } of list?.entries.values() ?? []) {
          const each = held.get(key);
          if (!each) continue;
          const found = known.get(peer.id);
          if (found) found.segments.push(each);
          else known.set(peer.id, { peer, segments: [each] });
        }
      }
      yield* known.values();
      if (unknown.length === 0) return;

      const list = open(unknown.map(({ id }) => toHex(id)));
      let over = false;
      try {
        for await (const found of finder.find(unknown, signal)) {
          note(list, found);
          yield found;
        }
        over = true;
      } finally {
        // A question that was broken off says nothing about those who did not answer it.
        if (!over) drop(list);
      }
    },

    forget(peerId) {
      for (const list of lists) {
        if (list.entries.delete(peerId) && list.entries.size === 0) drop(list);
      }
    },
  };
}
