/** Single exchanges with one server. [MS-PCCRR] 3.1.4 */
import type { SegmentId } from "@branchcache/content-info";
import { BranchCacheError, type Random } from "@branchcache/runtime";
import { getSegmentList } from "../messages/get-segment-list.ts";
import { encodeMessage } from "../messages/message.ts";
import { negoRequest } from "../messages/nego-request.ts";
import type { Response } from "../messages/parse.ts";
import { type IndexRange, toRanges } from "../messages/ranges.ts";
import { commonMajor, SUPPORTED } from "../versions.ts";
import {
  type BlockAnswer,
  type BlockListAnswer,
  checkBlock,
  checkBlockList,
  checkSegmentList,
  type Mismatch,
  type SegmentListAnswer,
} from "./check-answers.ts";
import { type LinkFailure, PeerLink, type PeerLinkOptions } from "./peer-link.ts";
import { BlockRequests, encodeBlockListRequest, PREFERRED_CIPHER } from "./requests.ts";

/** The server, and the ports to reach it through. */
export interface RetrievalClientOptions extends PeerLinkOptions {
  /** Only a hosted cache may be asked for segment lists. */
  readonly kind: "peer" | "hosted";
  /** Makes the request IDs of segment lists. */
  readonly random: Random;
}

/** What may well happen to a request; nothing is tried again here. */
export interface ExchangeFailure {
  readonly kind: "failed";
  /** `mismatch`: an answer that does not fit the request. */
  readonly reason: LinkFailure | "mismatch";
  /** The HTTP status, where that is the reason. */
  readonly peerStatus?: number;
}

const CLOSED: ExchangeFailure = { kind: "failed", reason: "closed" };

/** A MSG_NEGO_RESP with a version that both sides speak. [MS-PCCRR] 3.1.5.1 */
export interface VersionAnswer {
  readonly kind: "version";
  /** The highest major version that both sides speak. */
  readonly major: number;
}

/**
 * Requests to one server, each with its timer; they may overlap. Every method resolves to the checked
 * answer or to a failure, and rejects only with `signal.reason`. Closed by its owner, who may say `using`.
 */
export class RetrievalClient {
  readonly #options: RetrievalClientOptions;
  readonly #link: PeerLink;
  readonly #requests = new BlockRequests();
  /** Ends what waits for an answer, when the client is closed. */
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(options: RetrievalClientOptions) {
    this.#options = options;
    this.#link = new PeerLink(options);
  }

  /** Which of these blocks the server holds. 3.1.4.2 */
  getBlockList(
    segmentId: SegmentId,
    blocks: Iterable<number>,
    signal?: AbortSignal,
  ): Promise<BlockListAnswer | ExchangeFailure> {
    const ranges: readonly IndexRange[] = toRanges(blocks);
    const message = encodeBlockListRequest(segmentId, ranges);
    return this.#exchange(message, (response) => checkBlockList(response, segmentId, ranges), signal);
  }

  /** One block, still sealed and not verified; the caller owns its bytes. 3.1.4.3 */
  getBlock(
    segmentId: SegmentId,
    blockIndex: number,
    signal?: AbortSignal,
  ): Promise<BlockAnswer | ExchangeFailure> {
    const message = this.#requests.encode(segmentId, blockIndex);
    const read = (response: Response): BlockAnswer | Mismatch => {
      const answer = checkBlock(response, segmentId, blockIndex);
      if (answer.kind !== "block") return answer;
      const { cipher, data, iv } = answer.sealed;
      return { ...answer, sealed: { cipher, iv: new Uint8Array(iv), data: new Uint8Array(data) } };
    };
    return this.#exchange(message, read, signal);
  }

  /**
   * Which of 1 to 2,729 segments a hosted cache holds, and for how long already. 3.1.4.4
   * Throws `BC_NOT_HOSTED_CACHE` for a peer, which is not to be asked this.
   */
  getSegmentList(
    segmentIds: readonly SegmentId[],
    signal?: AbortSignal,
  ): Promise<SegmentListAnswer | ExchangeFailure> {
    if (this.#options.kind !== "hosted") {
      throw new BranchCacheError("BC_NOT_HOSTED_CACHE", "segment lists are for hosted caches only");
    }
    const requestId = this.#options.random.bytes(16);
    const message = encodeMessage(getSegmentList, PREFERRED_CIPHER, {
      requestId,
      segmentIds,
      blob: new Uint8Array(0),
    });
    const read = (response: Response) => checkSegmentList(response, requestId, segmentIds.length);
    return this.#exchange(message, read, signal);
  }

  /** The version to speak with this server. 3.1.4.1, 3.1.5.1 */
  negotiate(signal?: AbortSignal): Promise<VersionAnswer | ExchangeFailure> {
    const message = encodeMessage(negoRequest, PREFERRED_CIPHER, SUPPORTED);
    const read = (response: Response): VersionAnswer | ExchangeFailure | Mismatch => {
      if (response.kind !== "nego") return { kind: "mismatch", reason: "no MSG_NEGO_RESP" };
      const major = commonMajor(SUPPORTED, response.body);
      return major === undefined ? { kind: "failed", reason: "version" } : { kind: "version", major };
    };
    return this.#exchange(message, read, signal, true);
  }

  /**
   * Drops the connection. What is under way, and whatever is asked for afterwards, fails with reason `closed`.
   * Harmless when repeated.
   */
  close(): void {
    this.#closed = true;
    this.#link.close();
    for (const end of this.#waiting) end();
    this.#waiting.clear();
  }

  /** As `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #exchange<T>(
    message: Uint8Array,
    read: (response: Response) => T | Mismatch,
    signal: AbortSignal | undefined,
    wantsVersions = false,
  ): Promise<T | ExchangeFailure> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      if (this.#closed) {
        resolve(CLOSED);
        return;
      }
      const settled = (): void => {
        this.#waiting.delete(onClose);
        signal?.removeEventListener("abort", onAbort);
      };
      const onAbort = (): void => {
        settled();
        reject(signal?.reason);
      };
      const onClose = (): void => {
        settled();
        resolve(CLOSED);
      };
      this.#waiting.add(onClose);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#link.request(
        message,
        (result) => {
          settled();
          if (result.kind === "failed") {
            resolve(result);
            return;
          }
          const answer = read(result.response);
          resolve(isMismatch(answer) ? { kind: "failed", reason: "mismatch" } : answer);
        },
        wantsVersions,
      );
    });
  }
}

function isMismatch<T>(answer: T | Mismatch): answer is Mismatch {
  return typeof answer === "object" && answer !== null && "kind" in answer && answer.kind === "mismatch";
}
