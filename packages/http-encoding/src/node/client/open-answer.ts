import type { Observer } from "@branchcache/runtime";
import { fieldText, parseContentEncoding, parseContentRange, readLength } from "../../http-fields.ts";
import { PEERDIST, parsePeerDist, parsePeerDistEx } from "../../peerdist-fields.ts";
import { redactUrl } from "../../redact-url.ts";
import { OriginError } from "./errors.ts";
import type { Followed } from "./follow.ts";
import type { OriginAnswer } from "./origin-answer.ts";
import { validatorOf } from "./validator.ts";

export interface OpenAnswerOptions {
  readonly offered: boolean;
  readonly maxContentInformationBytes: number;
  readonly observer: Observer;
}

/** Room for the smallest, and one byte for 32 of content: over ten times what any version needs. */
const CONTENT_INFORMATION_BASE_BYTES = 4_096;
const CONTENT_INFORMATION_RATIO = 32;

/** The most that any version needs for content of this length, many times over. */
export function contentInformationLimit(contentLengthBytes: number): number {
  return CONTENT_INFORMATION_BASE_BYTES + Math.floor(contentLengthBytes / CONTENT_INFORMATION_RATIO);
}

/** Tells Content Information from content, and refuses what is neither. */
export async function readOpenAnswer(followed: Followed, options: OpenAnswerOptions): Promise<OriginAnswer> {
  const { answer, finalUrl } = followed;
  const { status, headers } = answer;
  const name = redactUrl(finalUrl);
  const refuse = (reason: string): never => {
    answer.discard();
    throw new OriginError("BC_ORIGIN_ANSWER", `${name} ${reason}`, { peerStatus: status });
  };
  if (status !== 200 && status !== 206) {
    answer.discard();
    throw new OriginError("BC_ORIGIN_STATUS", `${name} answered with status ${status}`, {
      peerStatus: status,
    });
  }
  const contentRange =
    status === 206 ? parseContentRange(fieldText(headers, "content-range") ?? "") : undefined;
  if (status === 206 && !contentRange) return refuse("sent a part of the content without saying which");
  const range = contentRange && { startBytes: contentRange.startBytes, endBytes: contentRange.endBytes };
  const partBytes = range && range.endBytes - range.startBytes;
  const bodyBytes = readLength(fieldText(headers, "content-length"));
  const codings = parseContentEncoding(fieldText(headers, "content-encoding"));
  const common = { finalUrl: finalUrl.href, headers, ...(range && { range }) };

  if (codings.length === 0) {
    const lengthBytes = partBytes ?? bodyBytes;
    const ex = parsePeerDistEx(fieldText(headers, "x-p2p-peerdistex") ?? "");
    return {
      kind: "content",
      body: answer.read(lengthBytes),
      ...(lengthBytes !== undefined && { lengthBytes }),
      validator: validatorOf(headers, contentRange ? contentRange.totalBytes : bodyBytes),
      makeHashRequest: options.offered && ex.makeHashRequest === true,
      ...common,
      discard: () => answer.discard(),
    };
  }

  if (!options.offered || codings.length > 1 || codings[0] !== PEERDIST) {
    return refuse(`sent a content coding that was not asked for (${codings.join(", ").slice(0, 80)})`);
  }
  const params = parsePeerDist(fieldText(headers, "x-p2p-peerdist") ?? "");
  if (params.version && params.version.major !== 1) return refuse("uses an unknown version of the coding");
  // In a 206 the field's meaning is open; the range is certain.
  const contentLengthBytes = partBytes ?? params.contentLengthBytes;
  if (!contentLengthBytes) return refuse("sent Content Information without the length of the content");
  const limit = Math.min(options.maxContentInformationBytes, contentInformationLimit(contentLengthBytes));
  const tooLong = `sent Content Information of more than ${limit} bytes for content of ${contentLengthBytes}`;
  if ((bodyBytes ?? 0) > limit) return refuse(tooLong);
  const bytes = await collect(answer.read(bodyBytes), limit, () => {
    throw new OriginError("BC_ORIGIN_ANSWER", `${name} ${tooLong}`, { peerStatus: status });
  });
  // `hash_retrievals_total` is the server's.
  options.observer.event("trace", "content_info.received", {
    version: bytes[1] ?? 0,
    lengthBytes: bytes.length,
    contentBytes: contentLengthBytes,
  });
  return {
    kind: "content-information",
    bytes,
    contentLengthBytes,
    validator: validatorOf(headers, contentRange ? contentRange.totalBytes : contentLengthBytes),
    ...common,
  };
}

/** Joins the pieces as they come, however small they are cut. */
async function collect(
  pieces: AsyncIterable<Uint8Array>,
  limit: number,
  onTooLong: () => never,
): Promise<Uint8Array> {
  let bytes = new Uint8Array(4_096);
  let length = 0;
  for await (const piece of pieces) {
    if (length + piece.length > limit) onTooLong();
    if (length + piece.length > bytes.length) {
      const larger = new Uint8Array(Math.max(2 * bytes.length, length + piece.length));
      larger.set(bytes.subarray(0, length));
      bytes = larger;
    }
    bytes.set(piece, length);
    length += piece.length;
  }
  return bytes.slice(0, length);
}
