/**
 * Offers to one hosted cache: a queue, batches, and the requests under way with their timer. A machine without
 * clock or sockets. [MS-PCHC] 3.2
 */
import { type Segment, writeSegmentInformation } from "@branchcache/content-info";
import { encode, setNewest } from "@branchcache/runtime";
import { MAX_DESCRIPTORS, TICKS_TO_LIVE } from "../limits.ts";
import { batchedOffer } from "../messages/batched-offer.ts";
import { headerOf, MESSAGE_TYPES, type OfferVersion } from "../messages/header.ts";
import { initialOffer } from "../messages/initial-offer.ts";
import type { OfferResponse } from "../messages/response.ts";
import { segmentInfo } from "../messages/segment-info.ts";
import { descriptorOf } from "../segments.ts";

export interface OfferMachineOptions {
  readonly version: OfferVersion;
  /** Where this client serves blocks. */
  readonly port: number;
  /** Segments waiting; the oldest gives way. */
  readonly maxQueued: number;
}

/** A segment to offer; `key` is its identifier in hexadecimal digits. */
export interface Offered {
  readonly key: string;
  readonly segment: Segment;
  /** 16 bytes, of the application that it came through. */
  readonly contentTag: Uint8Array;
}

/** Why an offer was not answered with a response message. */
export type OfferFailure =
  /** No answer within 10 to 15 s. */
  | "timeout"
  /** No connection, or it ended before the answer. */
  | "connect"
  /** An HTTP status other than 200 and 401. */
  | "status"
  /** Something else than a response message. */
  | "malformed"
  /** It wants a proof of identity that cannot be given. */
  | "unauthorized"
  /** Its certificate is not to be trusted. */
  | "certificate";

export type OfferMachineInput =
  | { readonly kind: "offer"; readonly offered: Offered }
  /** The moment has come that `flushSoon` asked for. */
  | { readonly kind: "flush" }
  /** Every 5 s, while asked for. */
  | { readonly kind: "tick" }
  | { readonly kind: "response"; readonly requestId: number; readonly response: OfferResponse }
  /** HTTP 401: the request goes out again with a token, or fails. */
  | { readonly kind: "unauthorized"; readonly requestId: number }
  | { readonly kind: "failed"; readonly requestId: number; readonly reason: OfferFailure };

export type OfferMachineEffect =
  | { readonly kind: "send"; readonly requestId: number; readonly message: Uint8Array }
  /** The same request again, with the next token. */
  | { readonly kind: "authenticate"; readonly requestId: number }
  /** Nobody waits for its answer any more. */
  | { readonly kind: "abandon"; readonly requestId: number }
  | { readonly kind: "flushSoon" }
  | { readonly kind: "ticking"; readonly on: boolean }
  | {
      readonly kind: "over";
      readonly result: "have" | "interested" | "failed" | "timeout";
      readonly reason?: OfferFailure;
      readonly segments: number;
    };

interface Outstanding {
  readonly kind: "initialOffer" | "segmentInfo" | "batchedOffer";
  readonly offered: readonly Offered[];
  sentTick: number;
  legs: number;
}

/** Tokens of one request; Kerberos needs one, NTLM two. */
const MAX_LEGS = 4;

export class OfferMachine {
  readonly #options: OfferMachineOptions;
  readonly #queue = new Map<string, Offered>();
  readonly #outstanding = new Map<number, Outstanding>();
  #tick = 0;
  #lastId = 0;
  #flushing = false;
  #effects: OfferMachineEffect[] = [];

  constructor(options: OfferMachineOptions) {
    this.#options = options;
  }

  get queued(): number {
    return this.#queue.size;
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  step(input: OfferMachineInput): readonly OfferMachineEffect[] {
    this.#effects = [];
    const wasIdle = this.#outstanding.size === 0;
    switch (input.kind) {
      case "offer":
        this.#onOffer(input.offered);
        break;
      case "flush":
        this.#flushing = false;
        this.#send(1);
        break;
      case "tick":
        this.#onTick();
        break;
      case "response":
        this.#onResponse(input.requestId, input.response);
        break;
      case "unauthorized":
        this.#onUnauthorized(input.requestId);
        break;
      case "failed":
        this.#onFailed(input.requestId, input.reason);
        break;
    }
    const isIdle = this.#outstanding.size === 0;
    if (wasIdle !== isIdle) this.#effects.push({ kind: "ticking", on: !isIdle });
    return this.#effects;
  }

  #onOffer(offered: Offered): void {
    const { maxQueued, version } = this.#options;
    const { contentTag, segment } = offered;
    if (version === 1 ? segment.version !== 1 : !descriptorOf(segment, contentTag)) return;
    if (setNewest(this.#queue, offered.key, offered, maxQueued) !== undefined) this.#over("failed", 1);
    this.#send(version === 1 ? 1 : MAX_DESCRIPTORS);
    this.#flushLater();
  }

  /**
   * Sends what there is, in messages of at least so many segments. One request is under way at a time: NTLM proves a
   * connection, request after request.
   */
  #send(least: number): void {
    const { port, version } = this.#options;
    while (this.#queue.size >= least && this.#queue.size > 0 && this.#outstanding.size === 0) {
      const offered: Offered[] = [];
      for (const each of this.#queue.values()) {
        offered.push(each);
        if (version === 1 || offered.length === MAX_DESCRIPTORS) break;
      }
      for (const { key } of offered) this.#queue.delete(key);
      const [first] = offered;
      if (version === 1 && first) {
        const header = headerOf(1, MESSAGE_TYPES.initialOffer, port);
        this.#begin("initialOffer", offered, encode(initialOffer, { header, segmentId: first.segment.id }));
      } else {
        const header = headerOf(2, MESSAGE_TYPES.batchedOffer, port);
        const segments = offered.flatMap(
          ({ contentTag, segment }) => descriptorOf(segment, contentTag) ?? [],
        );
        this.#begin("batchedOffer", offered, encode(batchedOffer, { header, segments }));
      }
    }
  }

  #begin(kind: Outstanding["kind"], offered: readonly Offered[], message: Uint8Array): void {
    const requestId = ++this.#lastId;
    this.#outstanding.set(requestId, { kind, offered, sentTick: this.#tick, legs: 0 });
    this.#effects.push({ kind: "send", requestId, message });
  }

  #flushLater(): void {
    if (this.#flushing || this.#queue.size === 0) return;
    this.#flushing = true;
    this.#effects.push({ kind: "flushSoon" });
  }

  #onTick(): void {
    this.#tick++;
    for (const [requestId, { offered, sentTick }] of this.#outstanding) {
      if (this.#tick <= sentTick + TICKS_TO_LIVE) continue;
      this.#outstanding.delete(requestId);
      this.#effects.push({ kind: "abandon", requestId });
      this.#over("timeout", offered.length, "timeout");
    }
    this.#next();
  }

  #onResponse(requestId: number, response: OfferResponse): void {
    const request = this.#take(requestId);
    if (!request) return;
    if (response === "interested" && request.kind !== "initialOffer") {
      this.#over("failed", request.offered.length, "malformed");
    } else {
      this.#over(
        response === "ok" && request.kind === "initialOffer" ? "have" : "interested",
        request.offered.length,
      );
      const [first] = request.offered;
      if (response === "interested" && first) this.#sendInformation(first);
    }
    this.#next();
  }

  #sendInformation(offered: Offered): void {
    const message = encode(segmentInfo, {
      header: headerOf(1, MESSAGE_TYPES.segmentInfo, this.#options.port),
      contentTag: offered.contentTag,
      information: writeSegmentInformation(offered.segment),
    });
    this.#begin("segmentInfo", [offered], message);
  }

  #onUnauthorized(requestId: number): void {
    const request = this.#outstanding.get(requestId);
    if (!request) return;
    if (++request.legs > MAX_LEGS) {
      this.#onFailed(requestId, "unauthorized");
      return;
    }
    request.sentTick = this.#tick;
    this.#effects.push({ kind: "authenticate", requestId });
  }

  #onFailed(requestId: number, reason: OfferFailure): void {
    const request = this.#take(requestId);
    if (!request) return;
    this.#over(reason === "timeout" ? "timeout" : "failed", request.offered.length, reason);
    this.#next();
  }

  /** Undefined for a response that comes too late, or for nothing. */
  #take(requestId: number): Outstanding | undefined {
    const request = this.#outstanding.get(requestId);
    this.#outstanding.delete(requestId);
    return request;
  }

  /** What waited for a free place goes out at once. */
  #next(): void {
    this.#send(this.#options.version === 2 && this.#flushing ? MAX_DESCRIPTORS : 1);
  }

  #over(result: "have" | "interested" | "failed" | "timeout", segments: number, reason?: OfferFailure): void {
    this.#effects.push({ kind: "over", result, segments, ...(reason === undefined ? {} : { reason }) });
  }
}
