/** What a body is: the content, or Content Information that describes it. [MS-PCCRC] 2 */
import {
  type ContentInformation,
  type ContentRange,
  readContentInformation,
  type Segment,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { equalBytes, errorMessage } from "@branchcache/runtime";
import { hashOf, hmacOf } from "../../kit/hashes.ts";
import type { Answer, ContentServerTarget } from "./target.ts";

const V1_SEGMENT_BYTES = 32 * 1024 * 1024;
const V1_BLOCK_BYTES = 65_536;

export function isCoded({ headers }: Pick<Answer, "headers">): boolean {
  return (headers["content-encoding"] ?? "").toLowerCase().includes("peerdist");
}

/** Why an answer is not the content as it is, under status 200; undefined when it is. */
export function plainFault(answer: Answer, { content }: ContentServerTarget): string | undefined {
  if (answer.status !== 200) return `HTTP ${answer.status}`;
  if (isCoded(answer)) return "Content Information";
  return equalBytes(answer.body, content) ? undefined : "other bytes than the content";
}

export interface Wanted {
  /** Default either. */
  readonly version?: 1 | 2;
  /** Default all of the content. */
  readonly range?: ContentRange;
}

/** Why an answer is not Content Information, of the version and range that was wanted; undefined when it is. */
export function informationFault(
  answer: Answer,
  target: ContentServerTarget,
  wanted: Wanted = {},
): string | undefined {
  const read = readInformation(answer);
  if (typeof read === "string") return read;
  const { startBytes, endBytes } = wanted.range ?? { startBytes: 0, endBytes: target.content.length };
  if (wanted.version !== undefined && read.version !== wanted.version) return `version ${read.version}.0`;
  if (read.range.startBytes !== startBytes || read.range.endBytes !== endBytes) {
    return `about bytes ${read.range.startBytes} to ${read.range.endBytes}, not ${startBytes} to ${endBytes}`;
  }
  return undefined;
}

/** The Content Information in an answer, or why there is none. */
export function readInformation(answer: Answer): ContentInformation | string {
  if (answer.status !== 200 && answer.status !== 206) return `HTTP ${answer.status}`;
  if (!isCoded(answer)) return "no Content Information";
  try {
    return readContentInformation(answer.body, nodeHashEngine);
  } catch (error) {
    return errorMessage(error);
  }
}

/** Why the segments are not those of the content; undefined when they are. [MS-PCCRC] 2.1, 2.3.1.1, 2.4.1.2 */
export function segmentsFault(
  { segments, version }: ContentInformation,
  content: Uint8Array,
): string | undefined {
  let end = segments[0]?.offsetBytes ?? 0;
  for (const [i, { offsetBytes, lengthBytes }] of segments.entries()) {
    if (offsetBytes !== end) return `segment ${i} starts at ${offsetBytes}, not at ${end}`;
    end += lengthBytes;
    if (end > content.length) return `segment ${i} ends after the content`;
    if (
      version === 1 &&
      (offsetBytes % V1_SEGMENT_BYTES !== 0 || (lengthBytes !== V1_SEGMENT_BYTES && end !== content.length))
    ) {
      return `segment ${i} is no segment of 32 MiB, nor the content's last`;
    }
  }
  return undefined;
}

/** Why hashes are not those of the content; undefined when they are. [MS-PCCRC] 2.2 */
export function hashesFault(information: ContentInformation, content: Uint8Array): string | undefined {
  for (const [i, segment] of information.segments.entries()) {
    const { algorithm, blockHashes, firstBlockIndex, hashOfData, lengthBytes, offsetBytes } = segment;
    const bytes = content.subarray(offsetBytes, offsetBytes + lengthBytes);
    const hashes = segment.version === 1 ? blockHashesOf(segment, bytes) : [];
    const whole = segment.version === 1 ? hashOf(algorithm, ...hashes) : hashOf(algorithm, bytes);
    if (!equalBytes(whole, hashOfData)) return `hash of data of segment ${i}`;
    if (segment.version === 2) continue;
    for (const [at, hash] of blockHashes.entries()) {
      const expected = hashes[firstBlockIndex + at];
      if (!expected || !equalBytes(hash, expected))
        return `hash of block ${firstBlockIndex + at} of segment ${i}`;
    }
  }
  return undefined;
}

function blockHashesOf({ algorithm }: Segment, bytes: Uint8Array): Uint8Array[] {
  const count = Math.ceil(bytes.length / V1_BLOCK_BYTES);
  return Array.from({ length: count }, (_, i) =>
    hashOf(algorithm, bytes.subarray(i * V1_BLOCK_BYTES, (i + 1) * V1_BLOCK_BYTES)),
  );
}

/** Why segment secrets do not come of this server secret; undefined when they do. [MS-PCCRC] 2.2 */
export function secretsFault({ segments }: ContentInformation, serverSecret: Uint8Array): string | undefined {
  for (const [i, { algorithm, hashOfData, secret }] of segments.entries()) {
    const expected = hmacOf(algorithm, hashOf(algorithm, serverSecret), hashOfData);
    if (!equalBytes(secret, expected)) return `secret of segment ${i}`;
  }
  return undefined;
}
