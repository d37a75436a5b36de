/** Joins the offer machine to a clock and a transport. */
import type { Segment } from "@branchcache/content-info";
import {
  type CancelTimer,
  type Clock,
  errorCode,
  errorMessage,
  type Observer,
  silentObserver,
  toHex,
} from "@branchcache/runtime";
import { copyOfTag, HTTP_TAG } from "../content-tag.ts";
import { OFFER_PATH_V1, OFFER_PATH_V2, TICK_MS } from "../limits.ts";
import type { OfferVersion } from "../messages/header.ts";
import { parseResponse } from "../messages/response.ts";
import { negotiateHeader, negotiateToken, type SpnegoInitiator } from "../spnego.ts";
import {
  type OfferFailure,
  OfferMachine,
  type OfferMachineEffect,
  type OfferMachineInput,
} from "./offer-machine.ts";

/** HTTP or HTTPS to one hosted cache; requests of one connection after another, for the sake of NTLM. */
export interface OfferTransport {
  /** Rejects with `BC_HTTP_*` or `BC_TLS_CERTIFICATE`, or with `signal.reason`. */
  post(
    path: string,
    body: Uint8Array,
    options: { readonly authorization?: string; readonly signal: AbortSignal },
  ): Promise<{ readonly status: number; readonly challenge: string | undefined; readonly body: Uint8Array }>;
  /** Drops the connection and what is under way. */
  close(): void;
}

export interface OfferClientOptions {
  /** How it is named in logs. */
  readonly name: string;
  /** 1: one segment a message, with block hashes. 2: batches of up to 128 descriptors. */
  readonly version: OfferVersion;
  /** The connection to the cache: `nodeOfferTransport` of `./node`. */
  readonly transport: OfferTransport;
  /** Where this client serves blocks to the hosted cache. */
  readonly servingPort: number;
  /** Times batches and retries. */
  readonly clock: Clock;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
  /** Makes the proof of identity for one exchange, when a cache asks for it. Default: none can be given. */
  readonly spnego?: () => SpnegoInitiator;
  /** Of segments that are offered without one, 16 bytes. Default "BranchCache-HTTP". */
  readonly contentTag?: Uint8Array;
  /** Segments waiting. Default 4,096. */
  readonly maxQueued?: number;
  /** How long to wait for company before a batch is sent that is not full. Default 500. */
  readonly batchMs?: number;
  /** How each message ended; for choosing among several hosted caches. */
  readonly onOutcome?: (failure: OfferFailure | undefined) => void;
}

export interface OfferClient extends Disposable {
  /** Segments that wait. */
  readonly queued: number;
  /** Messages that are sent and not answered. */
  readonly outstanding: number;
  /**
   * Puts the segment into the queue and returns at once. A full queue lets its oldest go. `contentTag`, 16 bytes that
   * are copied, says which application it came through; of a segment that waits already the later one counts.
   * Throws `RangeError` for a tag of another length, and nothing else.
   */
  offer(segment: Segment, contentTag?: Uint8Array): void;
  /** Forgets everything. Twice is harmless; `using` does the same. */
  close(): void;
}

interface Request {
  readonly message: Uint8Array;
  readonly abort: AbortController;
  spnego: SpnegoInitiator | undefined;
  challenge: string | undefined;
}

/** Throws `RangeError` for a content tag that has not 16 bytes. */
export function createOfferClient(options: OfferClientOptions): OfferClient {
  return new Client(options);
}

class Client implements OfferClient {
  readonly #options: OfferClientOptions;
  readonly #observer: Observer;
  readonly #contentTag: Uint8Array;
  readonly #machine: OfferMachine;
  readonly #requests = new Map<number, Request>();
  #cancelTick: CancelTimer | undefined;
  #cancelFlush: CancelTimer | undefined;
  #closed = false;
  #toldUnauthorized = false;

  constructor(options: OfferClientOptions) {
    this.#options = options;
    this.#observer = options.observer ?? silentObserver;
    this.#contentTag = copyOfTag(options.contentTag ?? HTTP_TAG);
    this.#machine = new OfferMachine({
      version: options.version,
      port: options.servingPort,
      maxQueued: options.maxQueued ?? 4_096,
    });
  }

  get queued(): number {
    return this.#machine.queued;
  }

  get outstanding(): number {
    return this.#machine.outstanding;
  }

  offer(segment: Segment, contentTag?: Uint8Array): void {
    const tag = contentTag ? copyOfTag(contentTag) : this.#contentTag;
    this.#step({ kind: "offer", offered: { key: toHex(segment.id), segment, contentTag: tag } });
  }

  close(): void {
    this.#closed = true;
    this.#cancelTick?.();
    this.#cancelFlush?.();
    for (const { abort } of this.#requests.values()) abort.abort();
    this.#requests.clear();
    this.#options.transport.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #step(input: OfferMachineInput): void {
    if (this.#closed) return;
    for (const effect of this.#machine.step(input)) this.#run(effect);
    this.#observer.measure("hosted_offer_queue", this.#machine.queued, {
      direction: "made",
      server: this.#options.name,
    });
  }

  #run(effect: OfferMachineEffect): void {
    const { batchMs = 500, clock } = this.#options;
    switch (effect.kind) {
      case "send":
        this.#requests.set(effect.requestId, {
          message: effect.message,
          abort: new AbortController(),
          spnego: undefined,
          challenge: undefined,
        });
        void this.#exchange(effect.requestId);
        break;
      case "authenticate":
        void this.#authenticate(effect.requestId);
        break;
      case "abandon":
        this.#requests.get(effect.requestId)?.abort.abort();
        this.#requests.delete(effect.requestId);
        break;
      case "flushSoon":
        this.#cancelFlush = clock.after(batchMs, () => this.#step({ kind: "flush" }));
        break;
      case "ticking":
        this.#cancelTick?.();
        this.#cancelTick = undefined;
        if (effect.on) this.#tickLater();
        break;
      case "over":
        this.#onOver(effect);
        break;
    }
  }

  #tickLater(): void {
    this.#cancelTick = this.#options.clock.after(TICK_MS, () => {
      this.#tickLater();
      this.#step({ kind: "tick" });
    });
  }

  #onOver({ reason, result, segments }: OfferMachineEffect & { kind: "over" }): void {
    const { name, onOutcome } = this.#options;
    this.#observer.count("hosted_offers_total", segments, { direction: "made", result });
    if (reason === "timeout") this.#observer.event("warn", "offer.timeout", { server: name, segments });
    else if (reason !== undefined) {
      // The same words for every segment would hide everything else.
      const level = reason === "unauthorized" && this.#toldUnauthorized ? "debug" : "warn";
      this.#toldUnauthorized ||= reason === "unauthorized";
      this.#observer.event(level, "offer.failed", { server: name, reason: FAILURE_WORDS[reason], segments });
    }
    onOutcome?.(reason);
  }

  async #authenticate(requestId: number): Promise<void> {
    const request = this.#requests.get(requestId);
    const open = this.#options.spnego;
    const given = negotiateToken(request?.challenge);
    // A challenge without a token, after ours: it was refused. RFC 4559, 5
    const isRefused = given === undefined && request?.spnego !== undefined;
    if (!request || !open || given === "none" || isRefused) {
      this.#fail(requestId, "unauthorized");
      return;
    }
    try {
      request.spnego ??= open();
      const token = await request.spnego.next(given);
      if (token) await this.#exchange(requestId, negotiateHeader(token));
      else this.#fail(requestId, "unauthorized");
    } catch (error) {
      const { name } = this.#options;
      this.#observer.event("warn", "offer.failed", { server: name, reason: errorMessage(error) });
      this.#fail(requestId, "unauthorized");
    }
  }

  async #exchange(requestId: number, authorization?: string): Promise<void> {
    const request = this.#requests.get(requestId);
    if (!request) return;
    const { transport, version } = this.#options;
    try {
      const { body, challenge, status } = await transport.post(
        version === 1 ? OFFER_PATH_V1 : OFFER_PATH_V2,
        request.message,
        { signal: request.abort.signal, ...(authorization === undefined ? {} : { authorization }) },
      );
      if (status === 401) {
        request.challenge = challenge;
        this.#step({ kind: "unauthorized", requestId });
        return;
      }
      if (status !== 200) {
        this.#fail(requestId, "status");
        return;
      }
      const response = parseResponse(body);
      this.#requests.delete(requestId);
      this.#step({ kind: "response", requestId, response });
    } catch (error) {
      if (!request.abort.signal.aborted) this.#fail(requestId, failureOf(error));
    }
  }

  #fail(requestId: number, reason: OfferFailure): void {
    this.#requests.delete(requestId);
    this.#step({ kind: "failed", requestId, reason });
  }
}

const FAILURE_WORDS: Readonly<Record<OfferFailure, string>> = {
  timeout: "no answer",
  connect: "cannot connect",
  status: "refused by the hosted cache",
  malformed: "the answer is no response message",
  unauthorized:
    "the hosted cache wants a Kerberos or NTLM proof of identity, which this client cannot give: let the cache take " +
    "offers by address or client certificate",
  certificate: "the hosted cache's certificate is not trusted: see `branchcache hosted trust` there",
};

function failureOf(error: unknown): OfferFailure {
  const code = errorCode(error) ?? "";
  if (code === "BC_TLS_CERTIFICATE") return "certificate";
  if (code === "BC_HTTP_MALFORMED" || code === "BC_HTTP_TOO_LARGE" || code.startsWith("BC_DECODE_"))
    return "malformed";
  return "connect";
}
