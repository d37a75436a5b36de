/**
 * Who offered what, and what is pulled from whom next: a machine without clock, sockets or store.
 * One pull is about one segment from one client; clients take turns, so that one with thousands of offers does
 * not keep the others waiting.
 */
import type { Segment } from "@branchcache/content-info";
import { type Endpoint, formatEndpoint } from "@branchcache/runtime";
import type { OfferedSegment } from "../segments.ts";
import { CopyBook } from "./copy-book.ts";
import { Offerers } from "./offerers.ts";
import type { BookLimits, PullOutcome } from "./pull-rules.ts";

/** What is to be pulled: `verified` with all that is needed to check it, `blind` by its identifier alone. */
export type Wanted =
  | { readonly kind: "verified"; readonly segment: Segment; readonly tag: string }
  | { readonly kind: "blind"; readonly segment: OfferedSegment; readonly tag: string };

/** One segment to be fetched from one client. */
export interface PullJob {
  /** The segment's identifier in hexadecimal digits. */
  readonly key: string;
  readonly wanted: Wanted;
  /** The client that offered it, at the port it named. */
  readonly from: Endpoint;
  /** A copy is held, and is to give way to this one. */
  readonly replaces: boolean;
}

export interface OfferedItem {
  readonly key: string;
  readonly wanted: Wanted;
  /** `held`: complete, for nobody's word; `blind`: complete, and nobody verified it. */
  readonly state: "missing" | "held" | "blind";
}

export type BookInput =
  | { readonly kind: "offered"; readonly from: Endpoint; readonly items: readonly OfferedItem[] }
  | { readonly kind: "pulled"; readonly job: PullJob; readonly outcome: PullOutcome };

export type BookEffect =
  | { readonly kind: "pull"; readonly job: PullJob }
  | {
      readonly kind: "refused";
      readonly from: Endpoint;
      readonly segments: number;
      readonly reason: RefusalReason;
    };

/** `resting`: the client failed or lied lately. `client`, `queue`: too many wait. */
export type RefusalReason = "resting" | "client" | "queue";

interface Entry {
  readonly key: string;
  wanted: Wanted;
  replaces: boolean;
  /** Those who offered it since they were last asked, the next one first. */
  offerers: Endpoint[];
}

export class PullBook {
  readonly #limits: BookLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #offerers: Offerers;
  readonly #copies: CopyBook;
  #pulls = 0;
  #effects: BookEffect[] = [];

  constructor(limits: BookLimits) {
    this.#limits = limits;
    this.#offerers = new Offerers(limits);
    this.#copies = new CopyBook(limits);
  }

  /** Segments waiting or being pulled. */
  get size(): number {
    return this.#entries.size;
  }

  get pulls(): number {
    return this.#pulls;
  }

  step(input: BookInput, nowMs: number): readonly BookEffect[] {
    this.#effects = [];
    if (input.kind === "offered") this.#onOffered(input.from, input.items, nowMs);
    else this.#onPulled(input.job, input.outcome, nowMs);
    this.#start(nowMs);
    return this.#effects;
  }

  #onOffered(from: Endpoint, items: readonly OfferedItem[], nowMs: number): void {
    const refused = new Map<RefusalReason, number>();
    for (const item of items) {
      const reason = this.#offer(from, item, nowMs);
      if (reason !== undefined) refused.set(reason, (refused.get(reason) ?? 0) + 1);
    }
    for (const [reason, segments] of refused) {
      this.#effects.push({ kind: "refused", from, segments, reason });
    }
  }

  #offer(from: Endpoint, item: OfferedItem, nowMs: number): RefusalReason | undefined {
    if (this.#offerers.isResting(from.address, nowMs)) return "resting";
    const { key, state, wanted } = item;
    const entry = this.#entries.get(key);
    if (entry) {
      // Who brings the hashes makes of a blind pull a verified one; a pull under way is followed by another.
      if (wanted.kind === "verified") entry.wanted = wanted;
      this.#remember(entry, from);
      return undefined;
    }
    if (state === "held") return undefined;
    let first: readonly Endpoint[] = [from];
    if (state === "blind") {
      const doubters = this.#copies.offeredAgain(key, from, nowMs);
      if (!doubters) return undefined;
      first = doubters;
    }
    if (this.#entries.size >= this.#limits.maxSegments) return "queue";
    if (this.#offerers.waiting(from.address) >= this.#limits.maxSegmentsPerClient) return "client";
    const created: Entry = { key, wanted, replaces: state === "blind", offerers: [] };
    this.#entries.set(key, created);
    for (const each of first) this.#remember(created, each);
    this.#queue(created, nowMs);
    return undefined;
  }

  #remember(entry: Entry, from: Endpoint): void {
    if (entry.offerers.length >= this.#limits.maxOfferers) return;
    if (entry.offerers.some(({ address }) => address === from.address)) return;
    entry.offerers.push(from);
  }

  /** Puts it into the line of the first of its offerers who may be asked; forgets it where none may. */
  #queue(entry: Entry, nowMs: number): void {
    for (;;) {
      const next = entry.offerers[0];
      if (!next) {
        this.#entries.delete(entry.key);
        return;
      }
      if (!this.#offerers.isResting(next.address, nowMs)) {
        this.#offerers.enqueue(next.address, entry.key);
        return;
      }
      entry.offerers.shift();
    }
  }

  #start(nowMs: number): void {
    while (this.#pulls < this.#limits.maxPulls) {
      const next = this.#offerers.next();
      if (!next) return;
      const entry = this.#entries.get(next.key);
      const from = entry?.offerers.shift();
      if (!entry || !from || this.#offerers.isResting(next.address, nowMs)) {
        if (entry) this.#queue(entry, nowMs);
        continue;
      }
      this.#pulls++;
      this.#offerers.started(from.address);
      const { key, replaces, wanted } = entry;
      this.#effects.push({ kind: "pull", job: { key, wanted, from, replaces } });
    }
  }

  #onPulled({ from, key, wanted }: PullJob, outcome: PullOutcome, nowMs: number): void {
    this.#pulls--;
    const requeue = this.#offerers.ended(from.address, outcome, nowMs);
    const entry = this.#entries.get(key);
    if (entry) {
      const upgraded = wanted.kind === "blind" && entry.wanted.kind === "verified";
      if ((outcome === "complete" && !upgraded) || outcome === "refused") this.#entries.delete(key);
      else this.#queue(entry, nowMs);
    }
    if (outcome === "complete" && wanted.kind === "blind") this.#copies.came(key, from, nowMs);
    // Nobody asks a client that is to be left alone for what else it offered.
    for (const other of requeue) {
      const waiting = this.#entries.get(other);
      if (!waiting) continue;
      waiting.offerers = waiting.offerers.filter(({ address }) => address !== from.address);
      this.#queue(waiting, nowMs);
    }
  }
}

/** How a job is told in logs. */
export function describeJob({ from, key, wanted }: PullJob): Readonly<Record<string, string | number>> {
  return { segment: key, from: formatEndpoint(from), bytes: wanted.segment.lengthBytes, kind: wanted.kind };
}
