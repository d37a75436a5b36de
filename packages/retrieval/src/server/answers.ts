/** What each request is answered with. [MS-PCCRR] 3.2.5 */
import type { CipherId } from "@branchcache/content-info";
import { block } from "../messages/block.ts";
import { blockList } from "../messages/block-list.ts";
import type { GetBlockList } from "../messages/get-block-list.ts";
import type { GetBlocks } from "../messages/get-blocks.ts";
import type { GetSegmentList } from "../messages/get-segment-list.ts";
import { encodeMessage } from "../messages/message.ts";
import { negoResponse } from "../messages/nego-response.ts";
import type { Request } from "../messages/parse.ts";
import { type IndexRange, toRanges, within } from "../messages/ranges.ts";
import { encodeSegmentAges } from "../messages/segment-ages.ts";
import { segmentList } from "../messages/segment-list.ts";
import { SUPPORTED } from "../versions.ts";
import { encodeBlockInParts } from "./block-parts.ts";
import type { BlockSource } from "./block-source.ts";
import { nextBlockIndex } from "./next-block-index.ts";

/** An HTTP body in pieces, to be sent one after another. */
export type Parts = readonly Uint8Array[];

interface Of<T> {
  readonly cipher: CipherId;
  readonly body: T;
}

/** A request for blocks or about them: whoever sends one counts as a client until the answer has left. 3.2.1 */
export type CountedRequest = Exclude<Request, { readonly kind: "nego" | "otherVersion" }>;

export function isCounted(request: Request): request is CountedRequest {
  return request.kind !== "nego" && request.kind !== "otherVersion";
}

const NOTHING = new Uint8Array(0);
/** CryptoAlgoId of messages that carry nothing encrypted; in a MSG_BLK without a block it is 0. */
const DEFAULT_CIPHER = 1;

export function negoAnswer(): Parts {
  return [encodeMessage(negoResponse, DEFAULT_CIPHER, SUPPORTED)];
}

/** What a client gets who comes when all upload slots are taken: as if nothing were held. 3.2.5.2 to 3.2.5.4 */
export function emptyAnswer(request: CountedRequest): Parts {
  switch (request.kind) {
    case "getBlockList": {
      const { segmentId } = request.body;
      return [encodeMessage(blockList, DEFAULT_CIPHER, { segmentId, ranges: [], nextBlockIndex: 0 })];
    }
    case "getBlocks":
      return [encodeMissing(request.body, lowestIndex(request.body.ranges) ?? 0, 0)];
    case "getSegmentList": {
      const { requestId } = request.body;
      return [encodeMessage(segmentList, DEFAULT_CIPHER, { requestId, ranges: [], blob: NOTHING })];
    }
  }
}

/** The intersection of what is asked for and what is held. 3.2.5.2 */
export async function answerBlockList(source: BlockSource, { body }: Of<GetBlockList>): Promise<Parts> {
  const held = (await source.heldBlocks(body.segmentId)) ?? [];
  const ranges = toRanges(within(held, body.ranges));
  const last = ranges.at(-1);
  const next = last ? nextBlockIndex(held, last.index + last.count - 1) : 0;
  const answer = { segmentId: body.segmentId, ranges, nextBlockIndex: next };
  return [encodeMessage(blockList, DEFAULT_CIPHER, answer)];
}

/** A MSG_BLK that is ready to leave. */
export interface OutgoingBlock {
  readonly parts: Parts;
  /** Of the block, encrypted; 0 if it is not held. */
  readonly sentBytes: number;
  readonly blockIndex: number;
  /** To be called when the parts have left. */
  readonly release?: (() => void) | undefined;
}

/** One block: the one asked for, or the lowest of several. 3.2.5.3 */
export async function answerBlock(
  source: BlockSource,
  { body, cipher }: Of<GetBlocks>,
): Promise<OutgoingBlock> {
  const blockIndex = lowestIndex(body.ranges);
  if (blockIndex === undefined) {
    return { parts: [encodeMissing(body, body.ranges[0]?.index ?? 0, 0)], sentBytes: 0, blockIndex: 0 };
  }
  const found = await source.block(body.segmentId, blockIndex, cipher);
  if (found && found.sealed.data.length > 0) {
    const parts = encodeBlockInParts(body.segmentId, blockIndex, found.nextBlockIndex, found.sealed);
    return { parts, sentBytes: found.sealed.data.length, blockIndex, release: found.release };
  }
  found?.release?.();
  const next = nextBlockIndex((await source.heldBlocks(body.segmentId)) ?? [], blockIndex);
  return { parts: [encodeMissing(body, blockIndex, next)], sentBytes: 0, blockIndex };
}

/** Which of the segments are held in full or in part, in ranges of the request's order. 3.2.5.4 */
export async function answerSegmentList(source: BlockSource, { body }: Of<GetSegmentList>): Promise<Parts> {
  const ids = body.segmentIds;
  const ages = await source.segmentAges?.(ids);
  const held: number[] = [];
  for (const [index, id] of ids.entries()) {
    const isHeld = ages ? ages[index] !== undefined : ((await source.heldBlocks(id))?.length ?? 0) > 0;
    if (isHeld) held.push(index);
  }
  const ranges = toRanges(held);
  const base = ranges[0]?.index ?? 0;
  const known = held.flatMap((index) => {
    const ageMs = ages?.[index];
    return ageMs === undefined ? [] : [{ segmentIndex: index - base, ageMs }];
  });
  const blob = known.length > 0 ? encodeSegmentAges(known) : NOTHING;
  return [encodeMessage(segmentList, DEFAULT_CIPHER, { requestId: body.requestId, ranges, blob })];
}

function encodeMissing({ segmentId }: GetBlocks, blockIndex: number, next: number): Uint8Array {
  return encodeMessage(block, 0, {
    segmentId,
    blockIndex,
    nextBlockIndex: next,
    data: NOTHING,
    verification: NOTHING,
    iv: NOTHING,
  });
}

function lowestIndex(ranges: readonly IndexRange[]): number | undefined {
  let lowest: number | undefined;
  for (const { index, count } of ranges) {
    if (count > 0 && (lowest === undefined || index < lowest)) lowest = index;
  }
  return lowest;
}
