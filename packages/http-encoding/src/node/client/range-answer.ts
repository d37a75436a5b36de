import type { ContentRange } from "@branchcache/content-info";
import { fieldText, parseContentEncoding, parseContentRange, readLength } from "../../http-fields.ts";
import { redactUrl } from "../../redact-url.ts";
import { OriginError } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import type { Followed } from "./follow.ts";
import { compareValidators, type Validator, validatorOf } from "./validator.ts";

/**
 * What a request for missing data gave: the bytes, or `changed` where the server has another representation now.
 * [MS-PCCRTP] 2.2
 */
export type RangeAnswer =
  | {
      readonly kind: "range";
      /** To be read once; exactly the bytes asked for, or it fails. */
      readonly body: AsyncIterable<Uint8Array>;
      /** Lets go of a body that is not wanted. */
      discard(): void;
    }
  | { readonly kind: "changed" };

/** Whether the answer has the bytes asked for, of the representation asked for. */
export function readRangeAnswer(followed: Followed, range: ContentRange, validator: Validator): RangeAnswer {
  const { answer, finalUrl } = followed;
  const { status, headers } = answer;
  const name = redactUrl(finalUrl);
  const fail = (code: "BC_ORIGIN_STATUS" | "BC_ORIGIN_ANSWER", reason: string): never => {
    answer.discard();
    throw new OriginError(code, `${name} ${reason}`, { peerStatus: status });
  };
  const changed = (): RangeAnswer => {
    answer.discard();
    return { kind: "changed" };
  };
  if (status === 412 || status === 416) return changed();
  if (status !== 200 && status !== 206) return fail("BC_ORIGIN_STATUS", `answered with status ${status}`);
  if (parseContentEncoding(fieldText(headers, "content-encoding")).length > 0) {
    return fail("BC_ORIGIN_ANSWER", "sent a content coding that was not asked for");
  }

  if (status === 206) {
    const field = parseContentRange(fieldText(headers, "content-range") ?? "");
    if (!field) return fail("BC_ORIGIN_ANSWER", "sent a part of the content without saying which");
    if (compareValidators(validator, validatorOf(headers, field.totalBytes)) === "differ") return changed();
    if (field.startBytes !== range.startBytes || field.endBytes !== range.endBytes) {
      // Cut off at the end of a content that has become shorter.
      if (field.totalBytes !== undefined && field.totalBytes < range.endBytes) return changed();
      return fail("BC_ORIGIN_ANSWER", "sent another part of the content than asked for");
    }
    const body = answer.read(range.endBytes - range.startBytes);
    return { kind: "range", body, discard: () => answer.discard() };
  }

  const sizeBytes = readLength(fieldText(headers, "content-length"));
  const seen = validatorOf(headers, sizeBytes);
  const verdict = compareValidators(validator, seen);
  const unnamed = validator.etag === undefined && validator.lastModified === undefined;
  const sameSize = sizeBytes !== undefined && sizeBytes === validator.sizeBytes;
  // All of it: either the server does not do ranges, or If-Range found another representation.
  if (verdict === "agree" || (verdict === "unknown" && unnamed && sameSize)) {
    return { kind: "range", body: cutOut(answer, range, sizeBytes, name), discard: () => answer.discard() };
  }
  return changed();
}

async function* cutOut(
  answer: Exchange,
  range: ContentRange,
  sizeBytes: number | undefined,
  name: string,
): AsyncGenerator<Uint8Array, void, void> {
  let position = 0;
  for await (const piece of answer.read(sizeBytes)) {
    const start = Math.max(range.startBytes - position, 0);
    const end = Math.min(range.endBytes - position, piece.length);
    if (start < end) yield piece.subarray(start, end);
    position += piece.length;
    if (position >= range.endBytes) return;
  }
  throw new OriginError("BC_ORIGIN_CLOSED", `${name} sent ${position} bytes, ${range.endBytes} needed`);
}
