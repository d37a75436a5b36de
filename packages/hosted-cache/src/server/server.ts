/** The answering side, without sockets. [MS-PCHC] 3.1 */
import {
  deriveSegmentId,
  type HashEngine,
  isWhollyListed,
  readSegmentInformation,
  type Segment,
  type SegmentId,
  verifyBlockList,
} from "@branchcache/content-info";
import {
  type Clock,
  type Endpoint,
  errorCode,
  errorMessage,
  formatEndpoint,
  type Observer,
  silentObserver,
  toHex,
} from "@branchcache/runtime";
import { contentTagName } from "../content-tag.ts";
import type { OfferVersion } from "../messages/header.ts";
import { type OfferRequest, parseOfferRequest } from "../messages/parse.ts";
import { encodeResponse, type OfferResponse } from "../messages/response.ts";
import { type OfferedSegment, offeredSegment } from "../segments.ts";
import {
  type BookEffect,
  type BookInput,
  describeJob,
  type OfferedItem,
  PullBook,
  type PullJob,
  type Wanted,
} from "./pull-book.ts";
import type { BookLimits, PullOutcome } from "./pull-rules.ts";
import { RateLimit } from "./rate-limit.ts";

/** What the cache holds, and how it gets more. */
export interface HostedContent {
  /**
   * All that is needed to verify a segment's blocks, and whether some are missing. Only where the whole list of
   * block hashes is known, together with at least one block that was verified by it; undefined otherwise.
   */
  known(id: SegmentId): Promise<{ readonly segment: Segment; readonly missing: boolean } | undefined>;
  /**
   * For each segment: nothing or a part, or all of it, and then whether all was verified. Index-aligned. With
   * `known` where the hashes and key of a part are known, so that the rest is verified too.
   */
  held(segments: readonly OfferedSegment[]): Promise<readonly HeldState[]>;
  /** Gets what is missing from the client and keeps it. Rejects only with `signal.reason`. */
  pull(job: PullJob, signal: AbortSignal): Promise<PullOutcome>;
}

/**
 * What the cache holds of an offered segment: `missing` for nothing or a part, `held` for all, verified, `blind`
 * for all, unverified.
 */
export interface HeldState {
  readonly state: OfferedItem["state"];
  /** Of a part: what verifies the rest. */
  readonly known?: Segment;
}

/** What the cache holds, and how much clients may offer. */
export interface HostedCacheServerOptions {
  /** What the cache holds, and how it pulls more. */
  readonly content: HostedContent;
  /** Verifies the block lists that are offered. */
  readonly engine: HashEngine;
  /** Times rests, quarantines and rates. */
  readonly clock: Clock;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
  /** Whether to pull from this client: why not, or undefined. Asked before each pull is queued. */
  readonly pullFault?: (client: Endpoint) => string | undefined;
  /** Each has a default, see `DEFAULT_BOOK_LIMITS`. */
  readonly limits?: Partial<BookLimits>;
  /** Messages of one client that are looked at in a second, and at once. Default 100, 400. */
  readonly offersPerSecond?: number;
  readonly offersAtOnce?: number;
}

/** What holds for each limit that the server's options leave out. */
export const DEFAULT_BOOK_LIMITS: BookLimits = {
  maxSegments: 32_768,
  maxSegmentsPerClient: 16_384,
  maxPulls: 32,
  maxPullsPerClient: 8,
  maxOfferers: 8,
  maxFailures: 3,
  restMs: 60_000,
  quarantineMs: 600_000,
  doubtAfter: 2,
  settleMs: 10_000,
  maxCopies: 65_536,
};

/** What is to be done about one HTTP request. */
export type OfferAnswer =
  | {
      readonly kind: "response";
      /** The HTTP body, 5 bytes. */
      readonly body: Uint8Array;
      /** To be called when the answer has left or was lost: only then is anything pulled. Harmless when repeated. */
      answered(): void;
    }
  /** To be refused without a message: HTTP 400, and the connection closed. */
  | { readonly kind: "dropped" }
  /** Too many of them: HTTP 429. */
  | { readonly kind: "tooMany" };

/**
 * Takes offers and pulls what is offered, apart from HTTP: `offerRequestListener` of `./node` brings the requests.
 * [MS-PCHC] 3.1
 */
export interface HostedCacheServer extends AsyncDisposable {
  /** That of the options. */
  readonly clock: Clock;
  /** Segments waiting or being pulled. */
  readonly queued: number;
  /** Answers one HTTP body from the client at this address. Never rejects. */
  handle(version: OfferVersion, body: Uint8Array, address: string): Promise<OfferAnswer>;
  /** Resolves when nothing waits or is being pulled. */
  idle(): Promise<void>;
  /** Ends what is under way. Twice is harmless; `await using` does the same. */
  close(): Promise<void>;
}

/** Offers that are being looked up in the store at once, together with the pulls; one more is refused. */
const MAX_WORK = 512;
const RECEIVED = { direction: "received" };

/** A server without sockets. The caller closes it; offers that still wait are forgotten then. */
export function createHostedCacheServer(options: HostedCacheServerOptions): HostedCacheServer {
  return new Server(options);
}

class Server implements HostedCacheServer {
  readonly clock: Clock;
  readonly #options: HostedCacheServerOptions;
  readonly #observer: Observer;
  readonly #book: PullBook;
  readonly #rate: RateLimit;
  readonly #closing = new AbortController();
  readonly #work = new Set<Promise<void>>();
  #lookups = 0;

  constructor(options: HostedCacheServerOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.#observer = options.observer ?? silentObserver;
    this.#book = new PullBook({ ...DEFAULT_BOOK_LIMITS, ...options.limits });
    this.#rate = new RateLimit(options.offersPerSecond ?? 100, options.offersAtOnce ?? 400);
    this.#observer.measure("hosted_offer_queue", 0, RECEIVED);
  }

  get queued(): number {
    return this.#book.size;
  }

  async handle(version: OfferVersion, body: Uint8Array, address: string): Promise<OfferAnswer> {
    const busy = this.#lookups + this.#work.size >= MAX_WORK;
    if (busy || !this.#rate.take(address, this.clock.monotonicMs())) {
      this.#observer.event("debug", "offer.refused", { from: address, reason: busy ? "busy" : "rate" });
      this.#count("failed");
      return { kind: "tooMany" };
    }
    let request: OfferRequest;
    try {
      request = parseOfferRequest(body, version);
    } catch (error) {
      this.#observer.event("debug", "peer.bad_request", {
        from: address,
        code: errorCode(error),
        reason: errorMessage(error),
      });
      this.#count("failed");
      return { kind: "dropped" };
    }
    const client = { address, port: request.port };
    this.#lookups++;
    try {
      switch (request.kind) {
        case "initialOffer":
          return await this.#onInitialOffer(client, request);
        case "segmentInfo":
          return this.#onSegmentInfo(client, request);
        case "batchedOffer":
          return this.#onBatchedOffer(client, request);
      }
    } catch (error) {
      this.#observer.event("error", "cache.corrupt", { code: errorCode(error), reason: errorMessage(error) });
      return { kind: "dropped" };
    } finally {
      this.#lookups--;
    }
  }

  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  async close(): Promise<void> {
    this.#closing.abort(new DOMException("the hosted cache is stopping", "AbortError"));
    await this.idle();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #onInitialOffer(
    client: Endpoint,
    { segmentId }: OfferRequest & { kind: "initialOffer" },
  ): Promise<OfferAnswer> {
    const known = await this.#options.content.known(segmentId);
    this.#count(known && !known.missing ? "have" : "interested");
    if (!known) return respond("interested");
    const wanted: Wanted = { kind: "verified", segment: known.segment, tag: "" };
    return respond("ok", () => this.#offered(client, [item(wanted, known.missing ? "missing" : "held")]));
  }

  /** Answered alike whatever is in it: only the header can be broken. 3.1.5.2 */
  #onSegmentInfo(client: Endpoint, request: OfferRequest & { kind: "segmentInfo" }): OfferAnswer {
    const { contentTag, information } = request;
    let segment: Segment | undefined;
    try {
      if (information) segment = readSegmentInformation(information.slice(), this.#options.engine);
    } catch (error) {
      this.#observer.event("debug", "peer.bad_request", {
        from: client.address,
        code: errorCode(error),
        reason: errorMessage(error),
      });
    }
    // A list that contradicts the hash of data, or an identifier of another length than Windows has, is no use.
    if (segment && verifyBlockList(segment, this.#options.engine) === "mismatch") segment = undefined;
    this.#count(segment ? "interested" : "failed");
    if (!segment) return respond("ok");
    const tag = contentTag ? contentTagName(contentTag) : "";
    const wanted: Wanted = { kind: "verified", segment, tag };
    return respond("ok", () => this.#background(() => this.#onInformation(client, wanted)));
  }

  async #onInformation(client: Endpoint, wanted: Wanted & { kind: "verified" }): Promise<void> {
    const { engine } = this.#options;
    const { algorithm, hashOfData, secret } = wanted.segment;
    const id = deriveSegmentId(engine, algorithm, secret, hashOfData);
    const known = await this.#options.content.known(id);
    const complete = known && !known.missing && isWhollyListed(wanted.segment);
    this.#offered(client, [item(wanted, complete ? "held" : "missing")]);
  }

  /** Answered at once: what is held is looked up afterwards. 3.1.5.3 */
  #onBatchedOffer(client: Endpoint, { segments }: OfferRequest & { kind: "batchedOffer" }): OfferAnswer {
    const offered: { readonly segment: OfferedSegment; readonly tag: string }[] = [];
    for (const descriptor of segments) {
      const segment = offeredSegment(descriptor);
      if (!segment) continue;
      offered.push({
        segment: { ...segment, id: segment.id.slice() },
        tag: contentTagName(descriptor.contentTag),
      });
    }
    if (offered.length === 0) {
      this.#count("failed");
      return respond("ok");
    }
    return respond("ok", () =>
      this.#background(async () => {
        const held = await this.#options.content.held(offered.map(({ segment }) => segment));
        const lacking = held.filter(({ state }) => state === "missing").length;
        this.#count("interested", lacking);
        this.#count("have", offered.length - lacking);
        const items = offered.map(({ segment, tag }, i) => {
          const { known, state } = held[i] ?? { state: "missing" };
          return item(
            known ? { kind: "verified", segment: known, tag } : { kind: "blind", segment, tag },
            state,
          );
        });
        this.#offered(client, items);
      }),
    );
  }

  #offered(client: Endpoint, items: readonly OfferedItem[]): void {
    const fault = client.port === 0 ? "port 0" : this.#options.pullFault?.(client);
    if (fault !== undefined) {
      this.#observer.event("warn", "offer.refused", { from: formatEndpoint(client), reason: fault });
      return;
    }
    this.#step({ kind: "offered", from: client, items });
  }

  #step(input: BookInput): void {
    if (this.#closing.signal.aborted) return;
    this.#run(this.#book.step(input, this.clock.monotonicMs()));
    this.#observer.measure("hosted_offer_queue", this.#book.size, RECEIVED);
  }

  #run(effects: readonly BookEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "pull") this.#background(() => this.#pull(effect.job));
      else {
        const { from, reason, segments } = effect;
        this.#observer.event("debug", "offer.refused", { from: from.address, reason, segments });
      }
    }
  }

  async #pull(job: PullJob): Promise<void> {
    let outcome: PullOutcome;
    try {
      outcome = await this.#options.content.pull(job, this.#closing.signal);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#observer.event("error", "hosted.pull_failed", {
        ...describeJob(job),
        reason: errorMessage(error),
      });
      outcome = "failed";
    }
    if (outcome === "complete") this.#observer.event("debug", "hosted.pulled", describeJob(job));
    else {
      const level = outcome === "lied" ? "warn" : "debug";
      this.#observer.event(level, "hosted.pull_failed", { ...describeJob(job), reason: outcome });
    }
    this.#step({ kind: "pulled", job, outcome });
  }

  #background(work: () => Promise<void>): void {
    if (this.#closing.signal.aborted) return;
    const running = work()
      .catch((error: unknown) => {
        if (this.#closing.signal.aborted) return;
        this.#observer.event("error", "cache.corrupt", {
          code: errorCode(error),
          reason: errorMessage(error),
        });
      })
      .finally(() => this.#work.delete(running));
    this.#work.add(running);
  }

  #count(result: "have" | "interested" | "failed", segments = 1): void {
    if (segments > 0)
      this.#observer.count("hosted_offers_total", segments, { direction: "received", result });
  }
}

function respond(response: OfferResponse, then?: () => void): OfferAnswer {
  let begun = false;
  return {
    kind: "response",
    body: encodeResponse(response),
    answered() {
      if (begun) return;
      begun = true;
      then?.();
    },
  };
}

function item(wanted: Wanted, state: OfferedItem["state"]): OfferedItem {
  return { key: toHex(wanted.segment.id), wanted, state };
}
