/** Reading what came in an HTTP body: header first, then the body that its type names. */
import type { CipherId } from "@branchcache/content-info";
import { ByteReader, type Layout, u32be } from "@branchcache/runtime";
import { HEADER_BYTES, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES, SIZE_PREFIX_BYTES } from "../limits.ts";
import { SUPPORTED } from "../versions.ts";
import { type Block, block } from "./block.ts";
import { type BlockList, blockList } from "./block-list.ts";
import { readBlockFast, readGetBlocksFast } from "./fast-path.ts";
import { type GetBlockList, getBlockList } from "./get-block-list.ts";
import { type GetBlocks, getBlocks } from "./get-blocks.ts";
import { type GetSegmentList, getSegmentList } from "./get-segment-list.ts";
import { type MessageHeader, messageHeader } from "./header.ts";
import { type NegoRequest, negoRequest } from "./nego-request.ts";
import { type NegoResponse, negoResponse } from "./nego-response.ts";
import { type SegmentList, segmentList } from "./segment-list.ts";

/** A request that was read: its kind, the cipher that the client would like, and the body. [MS-PCCRR] 2.2.4 */
export type Request =
  | { readonly kind: "nego"; readonly cipher: CipherId; readonly body: NegoRequest }
  | { readonly kind: "getBlockList"; readonly cipher: CipherId; readonly body: GetBlockList }
  | { readonly kind: "getBlocks"; readonly cipher: CipherId; readonly body: GetBlocks }
  | { readonly kind: "getSegmentList"; readonly cipher: CipherId; readonly body: GetSegmentList }
  /** Of a major version that is not ours: nothing but the header was read. */
  | { readonly kind: "otherVersion"; readonly cipher: CipherId };

/** A response that was read: its kind, the cipher that the server used, and the body. [MS-PCCRR] 2.2.5 */
export type Response =
  | { readonly kind: "nego"; readonly cipher: CipherId; readonly body: NegoResponse }
  | { readonly kind: "blockList"; readonly cipher: CipherId; readonly body: BlockList }
  | { readonly kind: "block"; readonly cipher: CipherId; readonly body: Block }
  | { readonly kind: "segmentList"; readonly cipher: CipherId; readonly body: SegmentList };

/** Reads the HTTP body of a request. Byte fields are views of it. Throws `DecodeError`. [MS-PCCRR] 3.2.5 */
export function parseRequest(bytes: Uint8Array): Request {
  const fast = readGetBlocksFast(bytes);
  return fast ? { kind: "getBlocks", cipher: fast.cipher, body: fast.body } : parseAnyRequest(bytes);
}

/** Reads the HTTP body of a response, Size included. Byte fields are views of it. Throws `DecodeError`. */
export function parseResponse(bytes: Uint8Array): Response {
  const fast = readBlockFast(bytes);
  return fast ? { kind: "block", cipher: fast.cipher, body: fast.body } : parseAnyResponse(bytes);
}

/** By the declared layouts alone. */
export function parseAnyRequest(bytes: Uint8Array): Request {
  const reader = new ByteReader(bytes, "Request");
  const { cipher, type, version } = readHeader(reader, MAX_REQUEST_BYTES);
  if (type !== 0 && type !== 2 && type !== 3 && type !== 6) return wrongType(reader, type);
  // Before the body: a later major version may well have another one.
  if (version.major < SUPPORTED.min.major || version.major > SUPPORTED.max.major) {
    return { kind: "otherVersion", cipher };
  }
  switch (type) {
    case 0:
      return { kind: "nego", cipher, body: readBody(reader, negoRequest.body) };
    case 2:
      return { kind: "getBlockList", cipher, body: readBody(reader, getBlockList.body) };
    case 3:
      return { kind: "getBlocks", cipher, body: readBody(reader, getBlocks.body) };
    case 6:
      return { kind: "getSegmentList", cipher, body: readBody(reader, getSegmentList.body) };
  }
}

/** By the declared layouts alone. */
export function parseAnyResponse(bytes: Uint8Array): Response {
  const reader = new ByteReader(bytes, "Response");
  const sizeBytes = u32be.read(reader);
  if (sizeBytes !== bytes.length - SIZE_PREFIX_BYTES) {
    reader.fail("BC_DECODE_INCONSISTENT", `Size ${sizeBytes}, but ${bytes.length} bytes in all`, 0);
  }
  const { cipher, type, version } = readHeader(reader, MAX_RESPONSE_BYTES);
  if (version.major < SUPPORTED.min.major || version.major > SUPPORTED.max.major) {
    reader.fail("BC_DECODE_VALUE", `version ${version.major}.${version.minor}`, SIZE_PREFIX_BYTES);
  }
  switch (type) {
    case 1:
      return { kind: "nego", cipher, body: readBody(reader, negoResponse.body) };
    case 4:
      return { kind: "blockList", cipher, body: readBody(reader, blockList.body) };
    case 5:
      return { kind: "block", cipher, body: readBody(reader, block.body) };
    case 7:
      return { kind: "segmentList", cipher, body: readBody(reader, segmentList.body) };
    default:
      return wrongType(reader, type);
  }
}

function readHeader(reader: ByteReader, maxBytes: number): MessageHeader {
  const at = reader.offset;
  const messageBytes = reader.remaining;
  if (messageBytes > maxBytes) {
    reader.fail("BC_DECODE_LIMIT", `${messageBytes} bytes, at most ${maxBytes} allowed`, at);
  }
  const header = messageHeader.read(reader);
  if (header.sizeBytes !== messageBytes) {
    reader.fail("BC_DECODE_INCONSISTENT", `MsgSize ${header.sizeBytes}, but ${messageBytes} bytes`, at + 8);
  }
  return header;
}

function readBody<T>(reader: ByteReader, layout: Layout<T>): T {
  const value = layout.read(reader);
  if (reader.remaining > 0) reader.fail("BC_DECODE_TRAILING", `${reader.remaining} bytes left over`);
  return value;
}

function wrongType(reader: ByteReader, type: number): never {
  reader.fail("BC_DECODE_VALUE", `message type ${type}`, reader.offset - HEADER_BYTES + 4);
}
