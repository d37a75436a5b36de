/** Blocks under way from peers for one content handle: several reads may wait for the same ones. */
import type { CancelTimer, Clock } from "@branchcache/runtime";
import type { BlockPlace } from "./content-map.ts";
import type { BlockAccess, FetchedFrom } from "./ports.ts";

type BlockOutcome =
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "missing"; readonly reason: "no-peer" | "failed" | "timeout" };

export interface Want {
  /** Index-aligned with the places; none rejects. */
  readonly outcomes: readonly Promise<BlockOutcome>[];
  /** The read has its first bytes: what it wanted besides goes on until its time is up. */
  satisfied(): void;
  /** The read timed out or was cancelled: what nobody else waits for is given up. */
  abandoned(): void;
}

/** One question to the peers. */
interface Session {
  readonly controller: AbortController;
  readers: number;
  /** A read got what it needed first, and reads on soon. */
  goesOn: boolean;
  endsMs: number;
  cancelTimer: CancelTimer;
}

interface Flight {
  readonly session: Session;
  readonly outcome: Promise<BlockOutcome>;
  readonly settle: (outcome: BlockOutcome) => void;
}

export interface BlockFetcherOptions {
  readonly blocks: BlockAccess;
  readonly clock: Clock;
  readonly tag: string;
  /** A block is there that starts at this offset, whether or not a read waits for it. */
  readonly onFetched: (startBytes: number, from: FetchedFrom) => void;
}

export class BlockFetcher {
  readonly #options: BlockFetcherOptions;
  /** By the block's offset in the content. */
  readonly #flights = new Map<number, Flight>();
  readonly #sessions = new Set<Session>();

  constructor(options: BlockFetcherOptions) {
    this.#options = options;
  }

  want(places: readonly BlockPlace[], timeoutMs: number): Want {
    const fresh = places.filter(({ startBytes }) => !this.#flights.has(startBytes));
    if (fresh.length > 0) this.#start(fresh, timeoutMs);
    const flights = places.map(({ startBytes }) => this.#flights.get(startBytes)!);
    const sessions = new Set(flights.map(({ session }) => session));
    const endsMs = this.#options.clock.monotonicMs() + timeoutMs;
    for (const session of sessions) {
      session.readers++;
      if (endsMs > session.endsMs) this.#arm(session, endsMs);
    }
    return {
      outcomes: flights.map(({ outcome }) => outcome),
      satisfied: () => {
        for (const session of sessions) {
          session.readers--;
          session.goesOn = true;
        }
      },
      abandoned: () => {
        for (const session of sessions) {
          session.readers--;
          if (session.readers === 0 && !session.goesOn) session.controller.abort();
        }
      },
    };
  }

  close(): void {
    for (const session of this.#sessions) session.controller.abort();
  }

  #start(places: readonly BlockPlace[], timeoutMs: number): void {
    const session: Session = {
      controller: new AbortController(),
      readers: 0,
      goesOn: false,
      endsMs: 0,
      cancelTimer: () => {},
    };
    this.#sessions.add(session);
    for (const { startBytes } of places) {
      let settle: (outcome: BlockOutcome) => void = () => {};
      const outcome = new Promise<BlockOutcome>((resolve) => {
        settle = resolve;
      });
      this.#flights.set(startBytes, { session, outcome, settle });
    }
    void this.#run(session, places, timeoutMs);
  }

  async #run(session: Session, places: readonly BlockPlace[], timeoutMs: number): Promise<void> {
    const { blocks, tag, onFetched } = this.#options;
    const { signal } = session.controller;
    const waiting = [...places];
    const settleNext = (outcome: BlockOutcome) => {
      const place = waiting.shift();
      if (!place) return;
      const flight = this.#flights.get(place.startBytes);
      this.#flights.delete(place.startBytes);
      flight?.settle(outcome);
    };
    try {
      for await (const piece of blocks.fetch(places, { signal, tag, blockTimeoutMs: timeoutMs })) {
        const [place] = waiting;
        if (piece.kind === "block" && place) onFetched(place.startBytes, piece.from.kind);
        settleNext(
          piece.kind === "block"
            ? { kind: "data", bytes: piece.bytes }
            : { kind: "missing", reason: piece.reason },
        );
      }
    } catch {
      // Given up, or the node is stopping: for the reader the blocks are missing.
    }
    session.cancelTimer();
    this.#sessions.delete(session);
    while (waiting.length > 0) settleNext({ kind: "missing", reason: signal.aborted ? "timeout" : "failed" });
  }

  /** Gives up at that time, unless somebody wants it for longer by then. */
  #arm(session: Session, endsMs: number): void {
    const { clock } = this.#options;
    session.cancelTimer();
    session.endsMs = endsMs;
    if (!this.#sessions.has(session)) return;
    session.cancelTimer = clock.after(endsMs - clock.monotonicMs(), () => session.controller.abort());
  }
}
