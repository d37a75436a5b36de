/**
 * The Outstanding Request List of one server: requests with their timer, over one connection at a time to
 * one of its addresses. [MS-PCCRR] 3.1.1, 3.1.2, 3.1.6
 */
import {
  type CancelTimer,
  type Clock,
  DecodeError,
  type Endpoint,
  errorCode,
  type HttpConnection,
  type HttpPort,
  type HttpPostOptions,
  type HttpPostResponse,
} from "@branchcache/runtime";
import { MAX_RESPONSE_BYTES, REQUEST_TIMEOUT_MS, RETRIEVAL_PATH, SIZE_PREFIX_BYTES } from "../limits.ts";
import { parseResponse, type Response } from "../messages/parse.ts";
import { commonMajor, SUPPORTED } from "../versions.ts";

/** Why a request got no answer. */
export type LinkFailure =
  /** No answer within the request timeout. */
  | "timeout"
  /** None of the addresses takes connections. */
  | "connect"
  /** The connection ended before the answer. */
  | "closed"
  /** Taken along when the connection ended over another request. */
  | "lost"
  /** An HTTP status other than 200. */
  | "status"
  /** Not HTTP, or no message of this protocol. */
  | "malformed"
  /** No version in common. */
  | "version";

interface LinkAnswer {
  readonly kind: "answer";
  /** Its byte fields are views, valid until the microtasks of this turn have run unless they are kept. */
  readonly response: Response;
  readonly tookMs: number;
}

export type LinkResult =
  | LinkAnswer
  | { readonly kind: "failed"; readonly reason: LinkFailure; readonly peerStatus?: number };

export interface PeerLinkOptions {
  /** Alternatives for the same server, tried in turn. */
  readonly addresses: readonly Endpoint[];
  readonly http: HttpPort;
  readonly clock: Clock;
  /** For each request, from its sending. Default 2,000. [MS-PCCRR] 3.1.2 */
  readonly timeoutMs?: number;
  /** The bytes of answers are the caller's for good. Default false. */
  readonly keepBodies?: boolean;
}

/** One connection, as long as it is tried. */
interface Attempt {
  readonly connection: HttpConnection;
  readonly addressIndex: number;
  over: boolean;
}

interface Outstanding {
  readonly message: Uint8Array;
  readonly done: (result: LinkResult) => void;
  readonly sentMs: number;
  readonly wantsVersions: boolean;
  attempt: Attempt | undefined;
  resent: boolean;
}

/** A timer so late says that this process, or the machine, was held up, and nothing of the peer. */
const LATE_MS = 50;

const MAX_BODY_BYTES = SIZE_PREFIX_BYTES + MAX_RESPONSE_BYTES;

export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #timeoutMs: number;
  readonly #postOptions: HttpPostOptions;
  readonly #outstanding = new Set<Outstanding>();
  #attempt: Attempt | undefined;
  #addressIndex = 0;
  /** Addresses that refused, one after another; an answer from any sets it to 0. */
  #refusals = 0;
  #cancelTimer: CancelTimer | undefined;
  /** The timer came late, and answers got the time that was lost. */
  #forgave = false;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#postOptions = { maxBodyBytes: MAX_BODY_BYTES, keepBody: options.keepBodies ?? false };
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  /**
   * Sends an encoded request. `done` is called once, never before this returns, and not after `close`.
   * `wantsVersions`: a MSG_NEGO_RESP is the answer, and not a refusal of the request's version.
   */
  request(message: Uint8Array, done: (result: LinkResult) => void, wantsVersions = false): void {
    const entry: Outstanding = {
      message,
      done,
      sentMs: this.#options.clock.monotonicMs(),
      wantsVersions,
      attempt: undefined,
      resent: false,
    };
    this.#outstanding.add(entry);
    this.#send(entry);
    this.#cancelTimer ??= this.#options.clock.after(this.#timeoutMs, () => this.#onTimer());
  }

  /** Forgets all requests. Harmless when repeated. */
  close(): void {
    for (const entry of this.#outstanding) entry.attempt = undefined;
    this.#outstanding.clear();
    this.#stopTimer();
    this.#disconnect();
  }

  #send(entry: Outstanding): void {
    const address = this.#options.addresses[this.#addressIndex];
    if (!address) {
      queueMicrotask(() => this.#finish(entry, { kind: "failed", reason: "connect" }));
      return;
    }
    if (!this.#attempt || this.#attempt.connection.closed) {
      const connection = this.#options.http.connect(address);
      this.#attempt = { connection, addressIndex: this.#addressIndex, over: false };
    }
    const attempt = this.#attempt;
    entry.attempt = attempt;
    attempt.connection.post(RETRIEVAL_PATH, entry.message, this.#postOptions).then(
      (response) => {
        if (entry.attempt === attempt) this.#onResponse(entry, response);
      },
      (error: unknown) => {
        if (entry.attempt === attempt) this.#onError(entry, attempt, error);
      },
    );
  }

  #onResponse(entry: Outstanding, { body, status }: HttpPostResponse): void {
    this.#refusals = 0;
    this.#forgave = false;
    if (status !== 200) {
      this.#finish(entry, { kind: "failed", reason: "status", peerStatus: status });
      return;
    }
    let response: Response;
    try {
      response = parseResponse(body);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#finish(entry, { kind: "failed", reason: "malformed" });
      return;
    }
    if (response.kind === "nego" && !entry.wantsVersions) {
      // Versions are fixed by message type, so the same bytes go out again; a second refusal is final.
      const major = commonMajor(SUPPORTED, response.body);
      if (entry.resent || major === undefined) {
        this.#finish(entry, { kind: "failed", reason: "version" });
        return;
      }
      entry.resent = true;
      this.#send(entry);
      return;
    }
    const tookMs = this.#options.clock.monotonicMs() - entry.sentMs;
    this.#finish(entry, { kind: "answer", response, tookMs });
  }

  #onError(entry: Outstanding, attempt: Attempt, error: unknown): void {
    const code = errorCode(error);
    const first = !attempt.over;
    attempt.over = true;
    if (this.#attempt === attempt) this.#attempt = undefined;
    if (code === "BC_HTTP_CONNECT") {
      if (attempt.addressIndex === this.#addressIndex) this.#tryNextAddress();
      if (this.#refusals < this.#options.addresses.length) this.#send(entry);
      else this.#finish(entry, { kind: "failed", reason: "connect" });
      return;
    }
    // All requests on a connection end with it; only the oldest is the one it ended over.
    if (!first) this.#finish(entry, { kind: "failed", reason: "lost" });
    else if (code === "BC_HTTP_MALFORMED" || code === "BC_HTTP_TOO_LARGE") {
      this.#finish(entry, { kind: "failed", reason: "malformed" });
    } else this.#finish(entry, { kind: "failed", reason: "closed" });
  }

  #tryNextAddress(): void {
    this.#refusals++;
    this.#addressIndex = (this.#addressIndex + 1) % this.#options.addresses.length;
  }

  #finish(entry: Outstanding, result: LinkResult): void {
    if (!this.#outstanding.delete(entry)) return;
    entry.attempt = undefined;
    if (this.#outstanding.size === 0) this.#stopTimer();
    entry.done(result);
  }

  /** One timer for all: requests are kept in the order of sending, so the first is the first to expire. */
  #onTimer(): void {
    this.#cancelTimer = undefined;
    const nowMs = this.#options.clock.monotonicMs();
    const [first] = this.#outstanding;
    if (!first) return;
    const leftMs = Math.ceil(first.sentMs + this.#timeoutMs - nowMs);
    if (leftMs > 0) {
      this.#cancelTimer = this.#options.clock.after(leftMs, () => this.#onTimer());
      return;
    }
    // This process did not run when it should have: answers may lie in the socket, unread.
    if (!this.#forgave && -leftMs >= LATE_MS) {
      this.#forgave = true;
      this.#cancelTimer = this.#options.clock.after(Math.min(-leftMs, this.#timeoutMs), () =>
        this.#onTimer(),
      );
      return;
    }
    this.#forgave = false;
    const entries = [...this.#outstanding];
    for (const entry of entries) entry.attempt = undefined;
    this.#disconnect();
    if (this.#refusals === 0 && this.#options.addresses.length > 1) {
      this.#addressIndex = (this.#addressIndex + 1) % this.#options.addresses.length;
    }
    for (const entry of entries) {
      this.#finish(entry, { kind: "failed", reason: entry === first ? "timeout" : "lost" });
    }
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #disconnect(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.connection.close();
  }
}
