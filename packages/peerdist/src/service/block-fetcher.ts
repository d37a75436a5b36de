/** Blocks that are being fetched from peers for one content handle; several reads may wait for the same block. */
import type { CancelTimer, Clock } from "@branchcache/runtime";
import type { BlockPlace } from "./content-map.ts";
import type { BlockAccess, FetchedFrom } from "./ports.ts";

type BlockOutcome =
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "missing"; readonly reason: "no-peer" | "failed" | "timeout" };

export interface Want {
  /** In the order of the places; no outcome rejects. */
  readonly blocks: readonly { readonly place: BlockPlace; readonly outcome: Promise<BlockOutcome> }[];
  /** The read has its first bytes. The other blocks are still fetched, until the timeout of the read. */
  satisfied(): void;
  /** The read timed out or was cancelled: queries that no other read waits for are aborted. */
  abandoned(): void;
}

/** One question to the peers, about the blocks of one read that nobody asked for yet. */
interface PeerQuery {
  readonly controller: AbortController;
  readers: number;
  /** A read was satisfied. Its caller will probably read on, so the query is not aborted when no read waits for it. */
  goesOn: boolean;
  endsMs: number;
  cancelTimer: CancelTimer;
}

interface Flight {
  readonly place: BlockPlace;
  readonly query: PeerQuery;
  readonly outcome: Promise<BlockOutcome>;
  readonly settle: (outcome: BlockOutcome) => void;
}

export interface BlockFetcherOptions {
  readonly blocks: BlockAccess;
  readonly clock: Clock;
  readonly tag: string;
  /** Called for each block that came, with its offset in the content, whether or not a read waits for it. */
  readonly onFetched: (startBytes: number, from: FetchedFrom) => void;
}

export class BlockFetcher {
  readonly #options: BlockFetcherOptions;
  /** By the block's offset in the content. */
  readonly #flights = new Map<number, Flight>();
  readonly #queries = new Set<PeerQuery>();

  constructor(options: BlockFetcherOptions) {
    this.#options = options;
  }

  want(places: readonly BlockPlace[], timeoutMs: number): Want {
    const flights = this.#flightsOf(places, timeoutMs);
    const queries = new Set(flights.map(({ query }) => query));
    const endsMs = this.#options.clock.monotonicMs() + timeoutMs;
    for (const query of queries) {
      query.readers++;
      if (endsMs > query.endsMs) this.#arm(query, endsMs);
    }
    return {
      blocks: flights,
      satisfied: () => {
        for (const query of queries) {
          query.readers--;
          query.goesOn = true;
        }
      },
      abandoned: () => {
        for (const query of queries) {
          query.readers--;
          if (query.readers === 0 && !query.goesOn) query.controller.abort();
        }
      },
    };
  }

  close(): void {
    for (const query of this.#queries) query.controller.abort();
  }

  /** Those that are under way already; the other blocks are asked for in one query. */
  #flightsOf(places: readonly BlockPlace[], timeoutMs: number): Flight[] {
    let query: PeerQuery | undefined;
    const flights: Flight[] = [];
    const fresh: BlockPlace[] = [];
    for (const place of places) {
      let flight = this.#flights.get(place.startBytes);
      if (!flight) {
        query ??= newQuery();
        flight = newFlight(place, query);
        this.#flights.set(place.startBytes, flight);
        fresh.push(place);
      }
      flights.push(flight);
    }
    if (query) {
      this.#queries.add(query);
      void this.#run(query, fresh, timeoutMs);
    }
    return flights;
  }

  async #run(query: PeerQuery, places: readonly BlockPlace[], timeoutMs: number): Promise<void> {
    const { blocks, tag, onFetched } = this.#options;
    const { signal } = query.controller;
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
      // Aborted, or the node is stopping: to the reader the remaining blocks are missing.
    }
    query.cancelTimer();
    this.#queries.delete(query);
    while (waiting.length > 0) settleNext({ kind: "missing", reason: signal.aborted ? "timeout" : "failed" });
  }

  /** Sets the time at which the query is aborted, in place of an earlier one. */
  #arm(query: PeerQuery, endsMs: number): void {
    const { clock } = this.#options;
    query.cancelTimer();
    query.endsMs = endsMs;
    if (!this.#queries.has(query)) return;
    query.cancelTimer = clock.after(endsMs - clock.monotonicMs(), () => query.controller.abort());
  }
}

function newQuery(): PeerQuery {
  return { controller: new AbortController(), readers: 0, goesOn: false, endsMs: 0, cancelTimer: () => {} };
}

function newFlight(place: BlockPlace, query: PeerQuery): Flight {
  let settle: (outcome: BlockOutcome) => void = () => {};
  const outcome = new Promise<BlockOutcome>((resolve) => {
    settle = resolve;
  });
  return { place, query, outcome, settle };
}
