/** What this process remembers of segments it writes to, so that a put is one question and not two. */
import { setNewest } from "@branchcache/runtime";
import type { SegmentFacts, SegmentState } from "../store/segment-state.ts";
import type { Fields } from "./connection.ts";
import { decodeState, readFacts, versionOf } from "./segment-codec.ts";

export interface KnownSegment {
  /** Of head and facts. */
  readonly version: Uint8Array;
  readonly state: SegmentState;
  readonly facts: SegmentFacts;
}

const MOST_SEGMENTS = 512;

export class KnownSegments {
  readonly #read: (key: string) => Promise<Fields>;
  readonly #known = new Map<string, KnownSegment>();
  readonly #loading = new Map<string, Promise<void>>();

  /** `read` gives head, facts, held, verified and pins. */
  constructor(read: (key: string) => Promise<Fields>) {
    this.#read = read;
  }

  peek(key: string): KnownSegment | undefined {
    return this.#known.get(key);
  }

  /** Asks, unless somebody is asking already; of those who wait, the first to go on may have set it anew. */
  async load(key: string): Promise<KnownSegment | undefined> {
    let loading = this.#loading.get(key);
    if (!loading) {
      loading = this.#read(key)
        .then((fields) => this.learn(key, fields))
        .finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
    }
    await loading;
    return this.#known.get(key);
  }

  /** From what `read` gives, or a script that found another version. */
  learn(key: string, [head, facts, held, verified, pins]: Fields): void {
    this.forget(key);
    const state = decodeState([head, held, verified, pins]);
    const known = readFacts(facts);
    if (head && state && known)
      this.set(key, { version: new Uint8Array(versionOf(head)), state, facts: known });
  }

  set(key: string, segment: KnownSegment): void {
    setNewest(this.#known, key, segment, MOST_SEGMENTS);
  }

  forget(key: string): void {
    this.#known.delete(key);
  }

  clear(): void {
    this.#known.clear();
  }
}
