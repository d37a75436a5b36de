/** What became of a download: who was asked, what came from where, how long it took, and why it is missing. */
import type { Segment } from "@branchcache/content-info";
import { toHex } from "@branchcache/runtime";
import type { BlockOutcome, ListOutcome } from "./fetch-steps.ts";
import type { DropReason } from "./peer-conduct.ts";
import type { FetchedPiece, FoundPeer, MissingReason, PeerSource } from "./peers.ts";

/** Milliseconds are counted from the start of the download. */
export interface FetchReport {
  /** From the first piece that was asked for to the end. */
  readonly tookMs: number;
  /** In the order of reading; a segment of which nothing was given is not in it. */
  readonly segments: readonly SegmentReport[];
  /** Those that were asked for anything. */
  readonly peers: readonly PeerReport[];
  /** Questions to the finder. */
  readonly questions: readonly {
    readonly segments: number;
    readonly atMs: number;
    readonly answers: number;
  }[];
}

/** What became of one segment: whom it came from, and what of it did not come. */
export interface SegmentReport {
  /** Lower case hexadecimal. */
  readonly segmentId: string;
  /** `id` of the peers that were asked for blocks or a block list. */
  readonly asked: readonly string[];
  /** Bytes of verified content, by the `id` of the peer that they came from. */
  readonly bytesFrom: Readonly<Record<string, number>>;
  /** Missing blocks by reason. */
  readonly missing: Readonly<Partial<Record<MissingReason, number>>>;
  /** Of the first request; undefined if there was none. */
  readonly firstAskedMs: number | undefined;
  /** When the reader had the last piece of it. */
  readonly endedMs: number;
}

/** What one peer was asked, and how it answered. */
export interface PeerReport {
  readonly peer: PeerSource;
  /** Requests sent, for blocks and block lists. */
  readonly requests: number;
  /** Verified blocks that were given to the reader, and, in `bytes`, their content. */
  readonly blocks: number;
  readonly bytes: number;
  /** Answers that the block is not there. */
  readonly empty: number;
  /** Requests that were not answered in time. */
  readonly timeouts: number;
  /** Connections lost, wrong statuses, answers that made no sense. */
  readonly failures: number;
  /** Blocks whose bytes were not what they should be. */
  readonly lies: number;
  /** Why it was not asked any more; undefined if it was to the end. */
  readonly dropped: DropReason | undefined;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
interface SegmentNotes {
  readonly asked: Set<string>;
  readonly bytesFrom: Record<string, number>;
  readonly missing: Partial<Record<MissingReason, number>>;
  firstAskedMs: number | undefined;
  endedMs: number | undefined;
}

/** Takes notes; counts and names only, so that it stays small whatever the size of the content. */
export class FetchRecorder {
  readonly #startMs: number;
  readonly #segments = new Map<Segment, SegmentNotes>();
  readonly #peers = new Map<string, Writable<PeerReport>>();
  readonly #questions: { segments: number; atMs: number; answers: number }[] = [];

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  asked(source: PeerSource, segment: Segment, nowMs: number): void {
    this.#peer(source).requests++;
    const notes = this.#segment(segment);
    notes.asked.add(source.id);
    notes.firstAskedMs ??= nowMs - this.#startMs;
  }

  answered(source: PeerSource, outcome: BlockOutcome | ListOutcome): void {
    const peer = this.#peer(source);
    switch (outcome.kind) {
      case "empty":
        peer.empty++;
        break;
      case "lie":
        peer.lies++;
        break;
      case "nonsense":
        peer.failures++;
        break;
      case "failed":
        if (outcome.reason === "timeout") peer.timeouts++;
        else if (outcome.reason !== "lost") peer.failures++;
        break;
    }
  }

  dropped(source: PeerSource, reason: DropReason): void {
    this.#peer(source).dropped = reason;
  }

  questioned(segments: number, nowMs: number): void {
    this.#questions.push({ segments, atMs: nowMs - this.#startMs, answers: 0 });
  }

  found({ peer }: FoundPeer): void {
    this.#peer(peer);
    const question = this.#questions.at(-1);
    if (question) question.answers++;
  }

  given(piece: FetchedPiece, nowMs: number): void {
    const notes = this.#segment(piece.segment);
    notes.endedMs = nowMs - this.#startMs;
    if (piece.kind === "missing") {
      notes.missing[piece.reason] = (notes.missing[piece.reason] ?? 0) + 1;
      return;
    }
    const { bytes, from } = piece;
    notes.bytesFrom[from.id] = (notes.bytesFrom[from.id] ?? 0) + bytes.length;
    const peer = this.#peer(from);
    peer.blocks++;
    peer.bytes += bytes.length;
  }

  report(nowMs: number): FetchReport {
    const segments: SegmentReport[] = [];
    for (const [segment, { asked, endedMs, ...notes }] of this.#segments) {
      if (endedMs === undefined) continue;
      segments.push({ segmentId: toHex(segment.id), asked: [...asked], endedMs, ...notes });
    }
    const tookMs = nowMs - this.#startMs;
    return { tookMs, segments, peers: [...this.#peers.values()], questions: this.#questions };
  }

  #segment(segment: Segment): SegmentNotes {
    let notes = this.#segments.get(segment);
    if (!notes) {
      notes = { asked: new Set(), bytesFrom: {}, missing: {}, firstAskedMs: undefined, endedMs: undefined };
      this.#segments.set(segment, notes);
    }
    return notes;
  }

  #peer(peer: PeerSource): Writable<PeerReport> {
    let notes = this.#peers.get(peer.id);
    if (!notes) {
      notes = {
        peer,
        requests: 0,
        blocks: 0,
        bytes: 0,
        empty: 0,
        timeouts: 0,
        failures: 0,
        lies: 0,
        dropped: undefined,
      };
      this.#peers.set(peer.id, notes);
    }
    return notes;
  }
}
