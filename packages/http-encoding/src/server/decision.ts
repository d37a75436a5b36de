/** Content or Content Information: the content server's decision as a pure function. [MS-PCCRTP] 3.2.5.1 */
import type { ContentInformationVersion, ContentRange } from "@branchcache/content-info";
import {
  fieldText,
  type HeaderFields,
  parseContentEncoding,
  parseContentRange,
  readLength,
} from "../http-fields.ts";
import { type NoOfferReason, type PeerDistOffer, type RequestHead, readOffer } from "./offer.ts";
import { representationValidator } from "./validator.ts";

/** What would be sent if there were no such coding. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: HeaderFields;
}

/** An answer that Content Information can stand for. */
export interface CodableAnswer {
  /** Names the bytes: publications are kept under it. */
  readonly validator: string;
  /** All of the content. */
  readonly sizeBytes: number;
  /** The part of it in this answer's body. */
  readonly range: ContentRange;
}

/** Why Content Information cannot stand for an answer. [MS-PCCRTP] 3.2.5.1 */
export type NotCodableReason =
  /** Neither 200 nor 206. */
  | "status"
  /** The body already carries a coding. */
  | "coded"
  /** Content of no bytes has no Content Information. */
  | "empty"
  /** A 200 without a readable Content-Length. */
  | "unknown-length"
  /**
   * A 206 whose Content-Range is absent, malformed, without the whole size, or of another length than
   * Content-Length.
   */
  | "unusable-range"
  /** Nothing names exactly these bytes: see `representationValidator`. */
  | "no-validator";

/**
 * Why content is sent as it is: the request's reasons, the answer's, `head` for a HEAD request, or `not-ready`
 * where both fit the coding and only the hashes are missing.
 */
export type PlainReason = NoOfferReason | NotCodableReason | "head" | "not-ready";

/** What is to be sent: Content Information of this version in place of the body, or the answer as it is. */
export type Decision =
  | {
      readonly kind: "content-information";
      readonly offer: PeerDistOffer;
      readonly answer: CodableAnswer;
      readonly version: ContentInformationVersion;
    }
  | {
      readonly kind: "plain";
      readonly reason: PlainReason;
      /** Hashes are worth making: the client would have taken them. */
      readonly queueHashing: boolean;
      /** Tell the client to come back for them. */
      readonly makeHashRequest: boolean;
    };

/** What `readAnswer` found: an answer that Content Information can stand for, or why it cannot. */
export type AnswerReading =
  | { readonly kind: "codable"; readonly answer: CodableAnswer }
  | { readonly kind: "not-codable"; readonly reason: NotCodableReason };

/** Reads the answer's side of the decision. `nowMs`: wall time, for the age of Last-Modified. */
export function readAnswer(answer: PlainAnswer, nowMs: number): AnswerReading {
  const no = (reason: NotCodableReason): AnswerReading => ({ kind: "not-codable", reason });
  const { status, headers } = answer;
  if (status !== 200 && status !== 206) return no("status");
  if (parseContentEncoding(fieldText(headers, "content-encoding")).length > 0) return no("coded");
  const lengthBytes = readLength(fieldText(headers, "content-length"));
  let sizeBytes: number;
  let range: ContentRange;
  if (status === 206) {
    const field = parseContentRange(fieldText(headers, "content-range") ?? "");
    if (field?.totalBytes === undefined) return no("unusable-range");
    range = { startBytes: field.startBytes, endBytes: field.endBytes };
    sizeBytes = field.totalBytes;
    if (lengthBytes !== undefined && lengthBytes !== range.endBytes - range.startBytes)
      return no("unusable-range");
  } else {
    if (lengthBytes === undefined) return no("unknown-length");
    if (lengthBytes === 0) return no("empty");
    range = { startBytes: 0, endBytes: lengthBytes };
    sizeBytes = lengthBytes;
  }
  const validator = representationValidator(headers, nowMs);
  return validator === undefined
    ? no("no-validator")
    : { kind: "codable", answer: { validator, sizeBytes, range } };
}

/** Everything that the decision depends on. */
export interface DecisionInput {
  readonly request: RequestHead;
  readonly answer: PlainAnswer;
  /** Versions for which hashes of exactly this representation exist. */
  readonly ready: readonly ContentInformationVersion[];
  /** Wall time in milliseconds since 1970: tells whether a Last-Modified is old enough to name the bytes. */
  readonly nowMs: number;
}

/**
 * Decides between content and Content Information for one request and the answer it would get otherwise. Pure;
 * never throws. To look hashes up only where they matter, call `readOffer`, `readAnswer` and `choose` one by one.
 */
export function decide(input: DecisionInput): Decision {
  const offer = readOffer(input.request);
  if (offer.kind === "none") return plain(offer.reason);
  const answer = readAnswer(input.answer, input.nowMs);
  if (answer.kind === "not-codable") return plain(answer.reason);
  return choose(input.request.method, offer.offer, answer.answer, input.ready);
}

/** The last step, once offer and answer are known to fit the coding. */
export function choose(
  method: string,
  offer: PeerDistOffer,
  answer: CodableAnswer,
  ready: readonly ContentInformationVersion[],
): Decision {
  const version = offer.acceptedVersions.find((accepted) => ready.includes(accepted));
  if (method === "HEAD") {
    return { kind: "plain", reason: "head", queueHashing: version === undefined, makeHashRequest: false };
  }
  if (version !== undefined) return { kind: "content-information", offer, answer, version };
  return {
    kind: "plain",
    reason: "not-ready",
    queueHashing: true,
    // Not in answer to a hash request, or the two would go on for ever.
    makeHashRequest: offer.understandsMakeHashRequest && !offer.hashRequest,
  };
}

function plain(reason: PlainReason): Decision {
  return { kind: "plain", reason, queueHashing: false, makeHashRequest: false };
}
