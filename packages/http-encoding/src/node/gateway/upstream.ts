/** One request to the origin, whose answer waits until somebody says where it goes. */
import { STATUS_CODES } from "node:http";
import type { Dispatcher } from "undici";
import type { HeaderFields } from "../../http-fields.ts";
import type { RawFields } from "../forward-fields.ts";
import { mayHaveBeenStale } from "../stale-connection.ts";
import type { Cancellation } from "./departure.ts";

export interface UpstreamRequest {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  /** Names and values by turns. */
  readonly fields: string[];
  readonly body: AsyncIterable<Uint8Array> | null;
  readonly signal: Cancellation;
}

interface BodyTarget {
  /** False: no more until `resume`. */
  data(bytes: Uint8Array): boolean;
  /** `last`: what is left, where it all came at once. */
  end(last?: Uint8Array): void;
  /** The body ended before its end. */
  error(error: Error): void;
}

export interface Upstream {
  readonly status: number;
  readonly statusText: string;
  readonly headers: HeaderFields;
  readonly rawFields: RawFields;
  /** Starts the body, once. */
  flow(target: BodyTarget): void;
  resume(): void;
  /** Lets go of what is left of the body. */
  drop(): void;
}

/** Rejects with undici's errors, or the signal's reason. */
export async function openUpstream(dispatcher: Dispatcher, request: UpstreamRequest): Promise<Upstream> {
  try {
    return await attempt(dispatcher, request);
  } catch (error) {
    const again = request.body === null && IDEMPOTENT.has(request.method) && !request.signal.aborted;
    if (!again || !mayHaveBeenStale(error)) throw error;
    return attempt(dispatcher, request);
  }
}

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS"]);

function attempt(dispatcher: Dispatcher, request: UpstreamRequest): Promise<Upstream> {
  const { origin, method, path, fields, body, signal } = request;
  return new Promise((resolve, reject) => {
    let control: Dispatcher.DispatchController | undefined;
    let target: BodyTarget | undefined;
    let answered = false;
    let ended = false;
    let failed: Error | undefined;
    const early: Uint8Array[] = [];
    let earlyBytes = 0;
    const onAbort = () => control?.abort(abortReason(signal));
    const release = () => signal.removeEventListener("abort", onAbort);
    const fail = (error: Error): void => {
      release();
      failed ??= error;
      if (answered) target?.error(error);
      else reject(signal.aborted ? signal.reason : error);
    };
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    const options = { origin, method, path, headers: fields, body } as Dispatcher.DispatchOptions;
    dispatcher.dispatch(options, {
      onRequestStart(controller) {
        control = controller;
        if (signal.aborted) controller.abort(abortReason(signal));
      },
      onResponseStart(controller, status, headers, statusText = "") {
        if (status < 200) return;
        answered = true;
        resolve({
          status,
          // The client of HTTP does not always tell it.
          statusText: statusText || (STATUS_CODES[status] ?? ""),
          headers,
          rawFields: textOf((controller as { readonly rawHeaders?: RawBytes | null }).rawHeaders ?? []),
          flow(given) {
            target = given;
            const last = ended ? early.pop() : undefined;
            let roomLeft = true;
            for (const bytes of early.splice(0)) roomLeft = given.data(bytes);
            if (failed) given.error(failed);
            else if (ended) given.end(last);
            else if (roomLeft) controller.resume();
            else controller.pause();
          },
          resume: () => controller.resume(),
          drop() {
            if (!ended) controller.abort(new Error("the body is not wanted"));
          },
        });
      },
      onResponseData(controller, bytes) {
        if (target) {
          if (!target.data(bytes)) controller.pause();
          return;
        }
        early.push(bytes);
        earlyBytes += bytes.length;
        if (earlyBytes >= EARLY_BYTES) controller.pause();
      },
      onResponseEnd() {
        release();
        ended = true;
        target?.end();
      },
      onResponseError(_controller, error) {
        fail(error);
      },
    });
  });
}

/** Body that may come before anybody said where it goes: a small one is there at once, and its connection free. */
const EARLY_BYTES = 65_536;

type RawBytes = readonly (Uint8Array | string)[];

function textOf(rawHeaders: RawBytes): string[] {
  return rawHeaders.map((part) => {
    if (typeof part === "string") return part;
    const bytes = Buffer.isBuffer(part) ? part : Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    return bytes.toString("latin1");
  });
}

function abortReason(signal: Cancellation): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("aborted");
}
