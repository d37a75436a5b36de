/** What our own values come to in the field names of the Kaitai definitions. */
import type { ContentInformation } from "@branchcache/content-info";
import type {
  Block,
  BlockList,
  GetBlockList,
  GetBlocks,
  GetSegmentList,
  IndexRange,
  Request,
  Response,
  SegmentList,
} from "@branchcache/retrieval";
import { toHex } from "@branchcache/runtime";
import type { Fields } from "./kaitai.ts";

const TYPES = {
  getBlockList: 2,
  getBlocks: 3,
  blockList: 4,
  block: 5,
  getSegmentList: 6,
  segmentList: 7,
} as const;

const zeros = (sizeBytes: number) => "00".repeat((4 - (sizeBytes % 4)) % 4);
const segmentId = (id: Uint8Array) => ({ size: id.length, value: toHex(id), padding: zeros(id.length) });
const sized = (bytes: Uint8Array) => ({ size: bytes.length, value: toHex(bytes) });
const padded = (bytes: Uint8Array) => ({ ...sized(bytes), padding: zeros(bytes.length) });
const ranges = (list: readonly IndexRange[]) => ({
  rangeCount: list.length,
  ranges: list.map(({ index, count }) => ({ index, count })),
});

const bodies = {
  getBlockList: (body: GetBlockList) => ({ segmentId: segmentId(body.segmentId), ...ranges(body.ranges) }),
  getBlocks: (body: GetBlocks) => ({
    segmentId: segmentId(body.segmentId),
    ...ranges(body.ranges),
    verificationSize: body.verificationData.length,
    verification: toHex(body.verificationData),
  }),
  getSegmentList: (body: GetSegmentList) => ({
    requestId: toHex(body.requestId),
    segmentCount: body.segmentIds.length,
    segmentIds: body.segmentIds.map(segmentId),
    blob: sized(body.blob),
  }),
  blockList: (body: BlockList) => ({
    segmentId: segmentId(body.segmentId),
    ...ranges(body.ranges),
    nextBlockIndex: body.nextBlockIndex,
  }),
  block: (body: Block) => ({
    segmentId: segmentId(body.segmentId),
    blockIndex: body.blockIndex,
    nextBlockIndex: body.nextBlockIndex,
    block: padded(body.data),
    verification: padded(body.verification),
    ivSize: body.iv.length,
    iv: toHex(body.iv),
  }),
  segmentList: (body: SegmentList) => ({
    requestId: toHex(body.requestId),
    ...ranges(body.ranges),
    blob: sized(body.blob),
  }),
};

/** Of a message as it was read, `sizeBytes` long with its header. Fields of `retrieval_message`. */
export function messageFields(
  message: Exclude<Request | Response, { readonly kind: "otherVersion" }>,
  sizeBytes: number,
  negotiation: "request" | "response",
): Fields {
  const head = (type: number) => ({
    minorVersion: 0,
    majorVersion: type >= 6 ? 2 : 1,
    type,
    size: sizeBytes,
    cipher: message.cipher,
  });
  if (message.kind === "nego") {
    const { min, max } = message.body;
    return {
      ...head(negotiation === "request" ? 0 : 1),
      body: { minMinor: min.minor, minMajor: min.major, maxMinor: max.minor, maxMajor: max.major },
    };
  }
  const body = bodies[message.kind] as (value: unknown) => Fields;
  return { ...head(TYPES[message.kind]), body: body(message.body) };
}

type V1Body = {
  readonly offsetInFirstSegment: number;
  readonly bytesInLastSegment: number;
  readonly segments: readonly { offset: number; length: number; hashOfData: string; secret: string }[];
  readonly contentBlocks: readonly { blockHashes: readonly string[] }[];
};
type V2Body = {
  readonly startInContent: number;
  readonly offsetInFirstSegment: number;
  readonly lengthOfRange: number;
  readonly chunks: readonly { segments: readonly { length: number; hashOfData: string; secret: string }[] }[];
};

/** What both readers of Content Information have in common: the range, and what it says of each segment. */
export interface Essence {
  readonly range: readonly [startBytes: number, endBytes: number];
  readonly segments: readonly {
    readonly offset: number;
    readonly length: number;
    readonly hashOfData: string;
    readonly secret: string;
    readonly blockHashes: readonly string[];
  }[];
}

/** From the fields of `content_information`, by the formulae of [MS-PCCRC] 2.3 and 2.4. */
export function essenceOfFields(fields: Fields): Essence {
  return fields["majorVersion"] === 1
    ? essenceV1(fields["body"] as V1Body)
    : essenceV2(fields["body"] as V2Body);
}

function essenceV1(body: V1Body): Essence {
  const segments = body.segments.map(({ offset, length, hashOfData, secret }, i) => ({
    offset,
    length,
    hashOfData,
    secret,
    blockHashes: body.contentBlocks[i]?.blockHashes ?? [],
  }));
  const first = segments[0] ?? { offset: 0 };
  const last = segments.at(-1) ?? { offset: 0, length: 0 };
  const start = first.offset + body.offsetInFirstSegment;
  const read = body.bytesInLastSegment;
  const endOfLast = last.offset + last.length;
  const end = read === 0 ? endOfLast : (segments.length === 1 ? start : last.offset) + read;
  return { range: [start, Math.min(end, endOfLast)], segments };
}

function essenceV2(body: V2Body): Essence {
  let offset = body.startInContent;
  const segments = body.chunks
    .flatMap((chunk) => chunk.segments)
    .map(({ length, hashOfData, secret }) => {
      const segment = { offset, length, hashOfData, secret, blockHashes: [hashOfData] };
      offset += length;
      return segment;
    });
  const start = body.startInContent + body.offsetInFirstSegment;
  return { range: [start, body.lengthOfRange === 0 ? offset : start + body.lengthOfRange], segments };
}

export function essenceOfOurs({ range, segments }: ContentInformation): Essence {
  return {
    range: [range.startBytes, range.endBytes],
    segments: segments.map((segment) => ({
      offset: segment.offsetBytes,
      length: segment.lengthBytes,
      hashOfData: toHex(segment.hashOfData),
      secret: toHex(segment.secret),
      blockHashes: segment.blockHashes.map(toHex),
    })),
  };
}
