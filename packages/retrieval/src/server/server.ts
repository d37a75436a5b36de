/** The answering side, without sockets. [MS-PCCRR] 3.2 */
import {
  type Clock,
  errorCode,
  errorMessage,
  type Observer,
  requireNumber,
  silentObserver,
  toHex,
} from "@branchcache/runtime";
import { MAX_PEER_UPLOADS, UPLOAD_TIMEOUT_MS } from "../limits.ts";
import { parseRequest, type Request } from "../messages/parse.ts";
import {
  answerBlock,
  answerBlockList,
  answerSegmentList,
  emptyAnswer,
  isCounted,
  negoAnswer,
  type Parts,
} from "./answers.ts";
import type { BlockSource } from "./block-source.ts";

/** What is served, and the bounds of serving. Times are in milliseconds. */
export interface RetrievalServerOptions {
  /** Held blocks, for instance of a `BlockStore`. */
  readonly source: BlockSource;
  /** Times uploads. */
  readonly clock: Clock;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
  /** Active clients at most, 0 or more; one more gets an empty answer. Default 64. [MS-PCCRR] 3.2.1 */
  readonly maxUploads?: number;
  /** From the request's arrival until its answer has left. Default 15,000. [MS-PCCRR] 3.2.2 */
  readonly uploadTimeoutMs?: number;
  /** Label of what is served: to other peers, or as a hosted cache. Default `peer`. */
  readonly to?: "peer" | "hosted";
}

/** What is to be done about one HTTP request. */
export type RetrievalAnswer =
  | {
      readonly kind: "message";
      /** The HTTP body in pieces, Size included; a block's ciphertext is one piece, the source's own. */
      readonly parts: readonly Uint8Array[];
      /** Of all parts together: the Content-Length. */
      readonly lengthBytes: number;
      /** To be called once the answer has left or was lost; frees the upload slot. Harmless when repeated. */
      done(): void;
    }
  /** To be discarded: HTTP 400 with an empty body, or a closed connection. */
  | { readonly kind: "malformed" }
  /** The upload timer fired, or the source failed: the connection is to be dropped. */
  | { readonly kind: "dropped" };

/** Answers requests, apart from HTTP: `retrievalRequestListener` and others of `./node` bring them. [MS-PCCRR] 3.2 */
export interface RetrievalServer {
  /** That of the options, for listeners to time the arrival of bodies. */
  readonly clock: Clock;
  /** Milliseconds that an upload may take, from the options. */
  readonly uploadTimeoutMs: number;
  /** Clients being served at this moment. */
  readonly activeUploads: number;
  /**
   * Answers one HTTP body, which it owns until the promise settles. `from` is for observers.
   * `drop` is called when the upload timer fires while the answer is under way. Never rejects.
   */
  handle(body: Uint8Array, from: string, drop?: () => void): Promise<RetrievalAnswer>;
}

interface Work {
  readonly parts: Parts;
  readonly release?: (() => void) | undefined;
}

/**
 * A server without sockets and without state beyond the uploads under way: nothing has to be closed. Throws
 * `BC_INVALID_ARGUMENT` for bounds that cannot be.
 */
export function createRetrievalServer(options: RetrievalServerOptions): RetrievalServer {
  const { source, clock, observer = silentObserver, to = "peer" } = options;
  const { maxUploads = MAX_PEER_UPLOADS, uploadTimeoutMs = UPLOAD_TIMEOUT_MS } = options;
  requireNumber("maxUploads", maxUploads, 0);
  requireNumber("uploadTimeoutMs", uploadTimeoutMs, 1);
  let activeUploads = 0;
  observer.measure("uploads_limit", maxUploads);

  const setActive = (count: number): void => {
    activeUploads = count;
    observer.measure("uploads_active", count);
  };

  const malformed = (from: string, error: unknown): RetrievalAnswer => {
    observer.event("debug", "peer.bad_request", {
      from,
      code: errorCode(error),
      reason: errorMessage(error),
    });
    countRequest("bad_data");
    return { kind: "malformed" };
  };

  const countRequest = (result: "ok" | "empty" | "timeout" | "bad_data" | "denied"): void => {
    observer.count("block_requests_total", 1, { direction: "received", result });
  };

  const message = (parts: Parts, done: () => void): RetrievalAnswer => {
    let lengthBytes = 0;
    for (const part of parts) lengthBytes += part.length;
    return { kind: "message", parts, lengthBytes, done };
  };

  const work = async (request: Request, from: string): Promise<Work> => {
    switch (request.kind) {
      case "nego":
      case "otherVersion":
        return { parts: negoAnswer() };
      case "getBlockList":
        return { parts: await answerBlockList(source, request) };
      case "getSegmentList":
        return { parts: await answerSegmentList(source, request) };
      case "getBlocks": {
        const { parts, release, sentBytes, blockIndex } = await answerBlock(source, request);
        countRequest(sentBytes > 0 ? "ok" : "empty");
        if (sentBytes > 0) {
          observer.count("served_bytes_total", sentBytes, { to });
          observer.event("trace", "block.sent", { from, bytes: sentBytes, block: blockIndex });
        }
        return { parts, release };
      }
    }
  };

  const handle = async (body: Uint8Array, from: string, drop?: () => void): Promise<RetrievalAnswer> => {
    let request: Request;
    try {
      request = parseRequest(body);
    } catch (error) {
      return malformed(from, error);
    }
    if (request.kind === "getBlocks" && observer !== silentObserver) {
      const segment = toHex(request.body.segmentId);
      observer.event("trace", "block.request_received", { from, segment });
    }
    if (isCounted(request) && activeUploads >= maxUploads) {
      observer.event("warn", "upload.limit", { from, active: activeUploads, limit: maxUploads });
      observer.count("uploads_rejected_total", 1);
      countRequest("denied");
      return message(emptyAnswer(request), () => {});
    }

    const counted = isCounted(request);
    if (counted) setActive(activeUploads + 1);
    let over = false;
    let release: (() => void) | undefined;
    let expire: (() => void) | undefined;
    const cancelTimer = clock.after(uploadTimeoutMs, () => {
      countRequest("timeout");
      done();
      expire?.();
      drop?.();
    });
    const done = (): void => {
      if (over) return;
      over = true;
      cancelTimer();
      release?.();
      if (counted) setActive(Math.max(activeUploads - 1, 0));
    };

    try {
      const working = work(request, from);
      const answer = await new Promise<Work | undefined>((resolve, reject) => {
        expire = () => resolve(undefined);
        working.then(resolve, reject);
      });
      if (answer !== undefined) {
        release = answer.release;
        return message(answer.parts, done);
      }
      // It may still come to an end.
      void working.then((late) => late.release?.()).catch(() => {});
    } catch (error) {
      observer.event("error", "cache.corrupt", { code: errorCode(error), reason: errorMessage(error) });
    }
    done();
    return { kind: "dropped" };
  };

  return {
    clock,
    uploadTimeoutMs,
    get activeUploads() {
      return activeUploads;
    },
    handle,
  };
}
