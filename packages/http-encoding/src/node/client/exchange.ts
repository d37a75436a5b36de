/** One GET over undici with our deadlines; redirects and codings are the caller's business. */
import { type Clock, errorCode, errorMessage, isTimeout, timeoutReason } from "@branchcache/runtime";
import type { Dispatcher } from "undici";
import type { HeaderFields } from "../../http-fields.ts";
import { redactUrl } from "../../redact-url.ts";
import { mayHaveBeenStale } from "../stale-connection.ts";
import { undici } from "../undici.ts";
import { OriginError } from "./errors.ts";

export interface ExchangeOptions {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  /** From the request to the answer's head. */
  readonly headersTimeoutMs: number;
  /** Between two pieces of the body. */
  readonly idleTimeoutMs: number;
}

export interface Exchange {
  readonly status: number;
  readonly headers: HeaderFields;
  /**
   * The body, once. Fails with `BC_ORIGIN_CLOSED` if it ends before or after `lengthBytes`; leaving the loop
   * early drops the rest.
   */
  read(lengthBytes?: number): AsyncGenerator<Uint8Array, void, void>;
  /** Lets go of an unread body: a short one is read to its end, a long one closes the connection. */
  discard(): void;
}

const DISCARD_BYTES = 65_536;

/** Fails with `BC_ORIGIN_UNREACHABLE`, `BC_ORIGIN_CLOSED`, `BC_ORIGIN_ANSWER` or the signal's reason. */
export async function exchange(
  url: URL,
  headers: Readonly<Record<string, string>>,
  options: ExchangeOptions,
  signal: AbortSignal | undefined,
): Promise<Exchange> {
  try {
    return await attempt(url, headers, options, signal);
  } catch (error) {
    const stale = error instanceof OriginError && mayHaveBeenStale(error.cause);
    if (signal?.aborted || !stale) throw error;
    return attempt(url, headers, options, signal);
  }
}

async function attempt(
  url: URL,
  headers: Readonly<Record<string, string>>,
  options: ExchangeOptions,
  signal: AbortSignal | undefined,
): Promise<Exchange> {
  const { dispatcher, clock, headersTimeoutMs, idleTimeoutMs } = options;
  signal?.throwIfAborted();
  const abort = new AbortController();
  const onAbort = () => abort.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const release = () => signal?.removeEventListener("abort", onAbort);
  const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
    const cancel = clock.after(ms, () => abort.abort(timeoutReason(ms)));
    try {
      return await work;
    } finally {
      cancel();
    }
  };
  const failure = (error: unknown, stage: "head" | "body"): unknown => {
    release();
    if (signal?.aborted) return signal.reason;
    return originError(error, stage, url);
  };

  let response: Dispatcher.ResponseData;
  try {
    response = await within(
      headersTimeoutMs,
      undici().request(url, {
        dispatcher,
        method: "GET",
        headers,
        signal: abort.signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      }),
    );
  } catch (error) {
    throw failure(error, "head");
  }
  const { body } = response;
  // Whoever reads learns of errors from the iterator; unread, they concern nobody.
  body.on("error", () => {});
  body.once("close", release);
  return {
    status: response.statusCode,
    headers: response.headers,
    async *read(lengthBytes) {
      const pieces = body[Symbol.asyncIterator]();
      let received = 0;
      try {
        for (;;) {
          const piece = await within(idleTimeoutMs, pieces.next()).catch((error: unknown) => {
            throw failure(error, "body");
          });
          if (piece.done) break;
          const bytes: Uint8Array = piece.value;
          received += bytes.length;
          if (lengthBytes !== undefined && received > lengthBytes)
            throw wrongLength(url, lengthBytes, received);
          yield new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        }
        if (lengthBytes !== undefined && received < lengthBytes)
          throw wrongLength(url, lengthBytes, received);
      } finally {
        release();
        body.destroy();
      }
    },
    discard() {
      within(idleTimeoutMs, body.dump({ limit: DISCARD_BYTES })).catch(() => {});
    },
  };
}

function wrongLength(url: URL, due: number, received: number): OriginError {
  const count = received > due ? `more than ${due}` : `${received} of ${due}`;
  return new OriginError("BC_ORIGIN_CLOSED", `${redactUrl(url)} sent ${count} bytes`);
}

const CLOSED = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE", "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"]);

function originError(error: unknown, stage: "head" | "body", url: URL): OriginError {
  if (error instanceof OriginError) return error;
  const name = redactUrl(url);
  const code = errorCode(error) ?? "";
  const options = { cause: error };
  if (isTimeout(error)) {
    return stage === "head"
      ? new OriginError("BC_ORIGIN_UNREACHABLE", `${name} did not answer: ${errorMessage(error)}`, options)
      : new OriginError("BC_ORIGIN_CLOSED", `${name} stopped sending: ${errorMessage(error)}`, options);
  }
  if (CLOSED.has(code) || stage === "body") {
    return new OriginError("BC_ORIGIN_CLOSED", `${name} closed the connection before the end`, options);
  }
  // The parser's errors have a code only sometimes.
  if ((error instanceof Error && error.name === "HTTPParserError") || code === "UND_ERR_HEADERS_OVERFLOW") {
    return new OriginError("BC_ORIGIN_ANSWER", `${name} does not speak HTTP/1.1 as it should`, options);
  }
  const why = code === "" ? errorMessage(error) : code;
  return new OriginError("BC_ORIGIN_UNREACHABLE", `${name} cannot be reached (${why})`, options);
}
