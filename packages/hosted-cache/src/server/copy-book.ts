/**
 * Where blind copies came from, and who offers the same segment though it is held. Honest clients do so when
 * what the cache gave them failed its hash. The first copy is believed until several others contradict it: were
 * one enough, every poisoner would be.
 */
import { type Endpoint, setNewest } from "@branchcache/runtime";
import type { BookLimits } from "./pull-rules.ts";

interface Copy {
  /** Undefined where the copy is older than this process. */
  readonly source: string | undefined;
  readonly sinceMs: number;
  /** Those who offered it again, by address. */
  readonly doubters: Map<string, Endpoint>;
}

export class CopyBook {
  readonly #limits: BookLimits;
  /** The least recently used first. */
  readonly #copies = new Map<string, Copy>();

  constructor(limits: BookLimits) {
    this.#limits = limits;
  }

  /** A copy was pulled and is held now. */
  came(key: string, from: Endpoint, nowMs: number): void {
    this.#set(key, { source: from.address, sinceMs: nowMs, doubters: new Map() });
  }

  /** The clients to pull it from anew, when enough of them offered it again. */
  offeredAgain(key: string, from: Endpoint, nowMs: number): readonly Endpoint[] | undefined {
    const copy = this.#copies.get(key) ?? {
      source: undefined,
      sinceMs: Number.NEGATIVE_INFINITY,
      doubters: new Map(),
    };
    this.#set(key, copy);
    if (from.address === copy.source || nowMs - copy.sinceMs < this.#limits.settleMs) return undefined;
    copy.doubters.set(from.address, from);
    if (copy.doubters.size < this.#limits.doubtAfter) return undefined;
    const doubters = [...copy.doubters.values()];
    copy.doubters.clear();
    return doubters;
  }

  #set(key: string, copy: Copy): void {
    setNewest(this.#copies, key, copy, this.#limits.maxCopies);
  }
}
