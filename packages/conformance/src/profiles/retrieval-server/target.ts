/** A retrieval server, and content that it is known to hold. */
import type { ContentInformation, Segment } from "@branchcache/content-info";
import { parseResponse, RETRIEVAL_PATH, type Response } from "@branchcache/retrieval";
import { BranchCacheError, type Endpoint, errorMessage, type Random } from "@branchcache/runtime";
import { exchange, type HttpSeen, type HttpSent, hexText } from "../../kit/http.ts";
import type { UploadSettings } from "./upload-settings.ts";

/** A retrieval server, and content that it is known to hold. [MS-PCCRR] 3.2 */
export interface RetrievalServerTarget {
  readonly server: Endpoint;
  /** Of content that the server holds whole. */
  readonly information: ContentInformation;
  /** For identifiers of segments that nobody has. */
  readonly random: Random;
  /** How long an answer may take, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
  /** For the checks that take all upload slots of the target for a while; without it they are skipped. */
  readonly uploads?: UploadSettings;
}

/** The segment with the most blocks of those that the server holds. */
export function heldSegment({ information }: RetrievalServerTarget): Segment {
  const [first, ...others] = information.segments;
  if (first === undefined)
    throw new BranchCacheError("BC_CONFORMANCE_INPUT", "the Content Information has no segment");
  return others.reduce(
    (most, next) => (next.blockHashes.length > most.blockHashes.length ? next : most),
    first,
  );
}

/** An identifier that nobody has. */
export function unknownId(target: RetrievalServerTarget, lengthBytes = 32): Uint8Array {
  return target.random.bytes(lengthBytes);
}

/** Posts a message to the retrieval path. */
export function ask(
  target: RetrievalServerTarget,
  message: Uint8Array,
  changes: Partial<HttpSent> = {},
): Promise<HttpSeen> {
  const { server, timeoutMs } = target;
  return exchange(server, {
    path: RETRIEVAL_PATH,
    body: message,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...changes,
  });
}

/** An answer as a message, or why it is none. */
export type Read =
  | { readonly ok: true; readonly message: Response; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly reason: string };

export function readAnswer(seen: HttpSeen): Read {
  if (seen.kind === "nothing") return { ok: false, reason: seen.reason };
  if (seen.status !== 200) return { ok: false, reason: `HTTP ${seen.status}` };
  try {
    return { ok: true, message: parseResponse(seen.body), bytes: seen.body };
  } catch (error) {
    return { ok: false, reason: `${errorMessage(error)}: ${hexText(seen.body)}` };
  }
}

/** No answer of the protocol: an HTTP error, or none at all. [MS-PCCRR] 3.2.5.5 */
export function isDiscard(seen: HttpSeen): boolean {
  return seen.kind === "nothing" || seen.status >= 400;
}
