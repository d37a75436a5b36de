/** What is told of a download while it runs, to its observer, and in the report at its end. */
import type { Segment } from "@branchcache/content-info";
import { type Clock, type Observer, silentObserver, toHex } from "@branchcache/runtime";
import { FetchRecorder, type FetchReport } from "./fetch-report.ts";
import type { Ask, PeerState } from "./fetch-state.ts";
import type { BlockOutcome, ListOutcome } from "./fetch-steps.ts";
import type { DropReason } from "./peer-conduct.ts";
import type { FetchedPiece, FoundPeer, PeerSource, WantedBlock } from "./peers.ts";

export interface FetchStoryOptions {
  readonly clock: Clock;
  readonly observer?: Observer;
  readonly onReport?: (report: FetchReport) => void;
}

/** Costs nothing but a few calls where nobody listens: these run for every block. */
export class FetchStory {
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #onReport: ((report: FetchReport) => void) | undefined;
  readonly #recorder: FetchRecorder | undefined;

  constructor({ clock, observer = silentObserver, onReport }: FetchStoryOptions) {
    this.#clock = clock;
    this.#observer = observer;
    this.#onReport = onReport;
    if (onReport) this.#recorder = new FetchRecorder(clock.monotonicMs());
  }

  asked(ask: Ask): void {
    const { segment, key } = ask.kind === "block" ? ask.slot.segment : ask.segment;
    this.#recorder?.asked(ask.peer.source, segment, this.#clock.monotonicMs());
    if (this.#observer === silentObserver) return;
    this.#observer.event("trace", "block.request_sent", {
      peer: ask.peer.source.id,
      segment: key,
      block: ask.kind === "block" ? ask.slot.blockIndex : undefined,
    });
  }

  answered(peer: PeerSource, outcome: BlockOutcome | ListOutcome): void {
    this.#recorder?.answered(peer, outcome);
    this.#observer.count("block_requests_total", 1, SENT_LABELS[resultOf(outcome)]);
  }

  rejected(reason: "late" | "decrypt" | "hash"): void {
    this.#observer.count("blocks_rejected_total", 1, { reason });
  }

  /** `block`: the one whose bytes failed their hash. */
  dropped({ source }: PeerState, reason: DropReason, block: WantedBlock | undefined): void {
    this.#recorder?.dropped(source, reason);
    if (!block) {
      this.#observer.event("debug", "peer.request_failed", { peer: source.id, reason });
      return;
    }
    this.#observer.event("warn", "peer.quarantined", {
      peer: source.id,
      reason,
      segment: toHex(block.segment.id),
      block: block.blockIndex,
    });
  }

  questioned(segments: readonly Segment[]): void {
    this.#recorder?.questioned(segments.length, this.#clock.monotonicMs());
  }

  found(found: FoundPeer): void {
    this.#recorder?.found(found);
  }

  given(piece: FetchedPiece): void {
    this.#recorder?.given(piece, this.#clock.monotonicMs());
  }

  ended(): void {
    if (this.#recorder) this.#onReport?.(this.#recorder.report(this.#clock.monotonicMs()));
  }
}

type RequestResult = "ok" | "empty" | "timeout" | "bad_data" | "denied";
type Labels = { readonly direction: "sent"; readonly result: RequestResult };

/** Made once: there is an answer for each block. */
const SENT_LABELS: { readonly [Result in RequestResult]: Labels & { readonly result: Result } } = {
  ok: { direction: "sent", result: "ok" },
  empty: { direction: "sent", result: "empty" },
  timeout: { direction: "sent", result: "timeout" },
  bad_data: { direction: "sent", result: "bad_data" },
  denied: { direction: "sent", result: "denied" },
};

function resultOf(outcome: BlockOutcome | ListOutcome): RequestResult {
  switch (outcome.kind) {
    case "block":
    case "list":
    case "late":
      return "ok";
    case "empty":
      return "empty";
    case "lie":
    case "nonsense":
      return "bad_data";
    case "failed":
      if (outcome.reason === "timeout") return "timeout";
      return outcome.reason === "malformed" || outcome.reason === "status" ? "bad_data" : "denied";
  }
}
