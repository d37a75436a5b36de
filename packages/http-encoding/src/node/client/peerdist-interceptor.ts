/** An interceptor for undici's dispatchers: whoever fetches gets content, and somebody else finds it. */
import type { Clock, Observer } from "@branchcache/runtime";
import type { Dispatcher } from "undici";
import { fieldText, type HeaderFields, parseContentEncoding } from "../../http-fields.ts";
import { PEERDIST, parsePeerDist } from "../../peerdist-fields.ts";
import { redactUrl } from "../../redact-url.ts";
import { undici } from "../undici.ts";
import { OriginError } from "./errors.ts";
import { contentInformationLimit } from "./open-answer.ts";
import type { OriginAnswer } from "./origin-answer.ts";
import { type OriginClient, offerFields, originClient } from "./origin-client.ts";
import { validatorOf } from "./validator.ts";

/** For `dispatcher.compose(...)`. */
export type Interceptor = (dispatch: Dispatch) => Dispatch;
/** undici's `dispatch`: starts one request, whose answer goes to the handler. */
export type Dispatch = Dispatcher["dispatch"];

/** One answer with Content Information, and where the content that it stands for has to go. */
export interface InterceptedContent {
  readonly answer: Extract<OriginAnswer, { kind: "content-information" }>;
  /** Of the request, query included. */
  readonly url: string;
  /** Of the request, for what has to come from the origin after all; credentials included. */
  readonly headers: Readonly<Record<string, string>>;
  /** Asks by way of the dispatcher that was intercepted: the same proxies and certificates. */
  readonly origin: OriginClient;
  /** Fires when nobody wants the content any more. */
  readonly signal: AbortSignal;
  /** The next piece, in order; resolves when more is wanted. */
  write(bytes: Uint8Array): Promise<void>;
}

/** What an interceptor offers, and who finds the content. */
export interface PeerDistInterceptorOptions {
  readonly clock: Clock;
  /** Told what the `origin` of `InterceptedContent` sees. Default: nobody. */
  readonly observer?: Observer;
  /** Highest version of Content Information. Default 2. */
  readonly versions?: 1 | 2;
  /** Writes all of the content and resolves; what it rejects with is the request's error. */
  readonly receive: (content: InterceptedContent) => Promise<void>;
}

/** Offers the coding in each GET of a whole content; all else passes untouched. */
export function peerDistInterceptor(options: PeerDistInterceptorOptions): Interceptor {
  return (dispatch) => {
    const origin = originClient({ ...options, dispatcher: { dispatch } as Dispatcher });
    return (request, handler) => {
      const headers = headerRecord(request.headers);
      if (!mayOffer(request, headers)) return dispatch(request, handler);
      const { "accept-encoding": accepted, ...others } = headers;
      const offered = { ...others, ...offerFields(options.versions ?? 2, false) };
      if (accepted !== undefined) offered["Accept-Encoding"] = `${accepted}, ${PEERDIST}`;
      const url = new URL(request.path, request.origin).href;
      const receiver = new Receiver(handler, { url, headers, origin, receive: options.receive });
      return dispatch({ ...request, headers: offered }, receiver);
    };
  };
}

/** A dispatcher with the interceptor, through the proxies that the environment names; for `fetch`. */
export function interceptedDispatcher(interceptor: Interceptor): Dispatcher {
  return new (undici().EnvHttpProxyAgent)().compose(interceptor);
}

interface ReceiverContext {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly origin: OriginClient;
  readonly receive: PeerDistInterceptorOptions["receive"];
}

interface Head {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly statusText: string | undefined;
}

/** Passes everything on but Content Information, for which the content is given. */
class Receiver implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #context: ReceiverContext;
  readonly #control = new Control();
  #coded: Head | undefined;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #limitBytes = 0;

  constructor(handler: Dispatcher.DispatchHandler, context: ReceiverContext) {
    this.#handler = handler;
    this.#context = context;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#control.network = controller;
    this.#handler.onRequestStart?.(this.#control, context);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: HeaderFields & Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2],
    statusText?: string,
  ): void {
    const codings = parseContentEncoding(fieldText(headers, "content-encoding"));
    if (status !== 200 || codings.length !== 1 || codings[0] !== PEERDIST) {
      this.#handler.onResponseStart?.(this.#control, status, headers, statusText);
      return;
    }
    const lengthBytes = parsePeerDist(fieldText(headers, "x-p2p-peerdist") ?? "").contentLengthBytes;
    if (!lengthBytes) {
      controller.abort(this.#refusal("sent Content Information without the length of the content"));
      return;
    }
    this.#coded = { status, headers, statusText };
    this.#limitBytes = contentInformationLimit(lengthBytes);
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (!this.#coded) {
      this.#handler.onResponseData?.(this.#control, bytes);
      return;
    }
    this.#bytes += bytes.length;
    this.#parts.push(bytes);
    if (this.#bytes > this.#limitBytes) {
      controller.abort(this.#refusal(`sent Content Information of more than ${this.#limitBytes} bytes`));
    }
  }

  onResponseEnd(
    _controller: Dispatcher.DispatchController,
    trailers: Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseEnd"]>>[1],
  ): void {
    if (!this.#coded) {
      this.#handler.onResponseEnd?.(this.#control, trailers);
      return;
    }
    this.#deliver(this.#coded).then(
      () => this.#handler.onResponseEnd?.(this.#control, {}),
      (error: Error) => this.#handler.onResponseError?.(this.#control, error),
    );
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#handler.onResponseError?.(this.#control, error);
  }

  async #deliver({ status, headers, statusText }: Head): Promise<void> {
    const { url, origin, receive } = this.#context;
    const lengthBytes = parsePeerDist(fieldText(headers, "x-p2p-peerdist") ?? "").contentLengthBytes ?? 0;
    const signal = this.#control.takeOver();
    this.#handler.onResponseStart?.(this.#control, status, plainHeaders(headers, lengthBytes), statusText);
    let written = 0;
    await receive({
      answer: {
        kind: "content-information",
        bytes: Uint8Array.from(Buffer.concat(this.#parts)),
        contentLengthBytes: lengthBytes,
        validator: validatorOf(headers, lengthBytes),
        finalUrl: url,
        headers,
      },
      url,
      headers: this.#context.headers,
      origin,
      signal,
      write: async (bytes) => {
        signal.throwIfAborted();
        written += bytes.length;
        if (written > lengthBytes) throw this.#refusal(`announced ${lengthBytes} bytes`);
        this.#handler.onResponseData?.(this.#control, Buffer.from(bytes));
        await this.#control.whenResumed();
      },
    });
    signal.throwIfAborted();
    if (written < lengthBytes) throw this.#refusal(`announced ${lengthBytes} bytes, not ${written}`);
  }

  #refusal(reason: string): OriginError {
    return new OriginError("BC_ORIGIN_ANSWER", `${redactUrl(this.#context.url)} ${reason}`);
  }
}

/** The network's flow control, until the content comes from elsewhere. */
class Control implements Dispatcher.DispatchController {
  network: Dispatcher.DispatchController | undefined;
  readonly #abort = new AbortController();
  #own = false;
  #paused = false;
  #wake = (): void => {};

  takeOver(): AbortSignal {
    this.#own = true;
    return this.#abort.signal;
  }

  async whenResumed(): Promise<void> {
    while (this.#paused && !this.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  get aborted(): boolean {
    return this.#own ? this.#abort.signal.aborted : this.network?.aborted === true;
  }

  get paused(): boolean {
    return this.#own ? this.#paused : this.network?.paused === true;
  }

  get reason(): Error | null {
    return this.#own ? (this.#abort.signal.reason ?? null) : (this.network?.reason ?? null);
  }

  pause(): void {
    if (this.#own) this.#paused = true;
    else this.network?.pause();
  }

  resume(): void {
    if (!this.#own) {
      this.network?.resume();
      return;
    }
    this.#paused = false;
    this.#wake();
  }

  abort(reason: Error): void {
    if (!this.#own) {
      this.network?.abort(reason);
      return;
    }
    this.#abort.abort(reason);
    this.#wake();
  }
}

/** The part of it that peers could answer: all of a content, nothing that is coded already. */
function mayOffer(request: Dispatcher.DispatchOptions, headers: Readonly<Record<string, string>>): boolean {
  const plain = request.method === "GET" && (request.body ?? null) === null && !request.upgrade;
  return plain && headers["range"] === undefined && headers["x-p2p-peerdist"] === undefined;
}

function plainHeaders(headers: HeaderFields, lengthBytes: number): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || CODING_FIELDS.has(name)) continue;
    kept[name] = typeof value === "object" ? [...value] : String(value);
  }
  return { ...kept, "content-length": String(lengthBytes) };
}

const CODING_FIELDS = new Set([
  "content-encoding",
  "content-length",
  "transfer-encoding",
  "x-p2p-peerdist",
  "x-p2p-peerdistex",
]);

/** Names in lower case. undici takes an object, a flat list, or pairs. */
function headerRecord(headers: Dispatcher.DispatchOptions["headers"]): Record<string, string> {
  const record: Record<string, string> = {};
  const put = (name: string, value: unknown): void => {
    if (value !== undefined && value !== null) record[name.toLowerCase()] = String(value);
  };
  if (!headers) return record;
  if (Array.isArray(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) put(String(headers[i]), headers[i + 1]);
  } else if (Symbol.iterator in headers) {
    for (const [name, value] of headers as Iterable<readonly [string, unknown]>) put(name, value);
  } else {
    for (const [name, value] of Object.entries(headers)) put(name, value);
  }
  return record;
}
