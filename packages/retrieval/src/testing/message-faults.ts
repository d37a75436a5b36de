/** Answers that are right as HTTP and wrong inside. */
import { SIZE_PREFIX_BYTES } from "../limits.ts";
import { block } from "../messages/block.ts";
import { encodeMessage } from "../messages/message.ts";
import { negoResponse } from "../messages/nego-response.ts";
import { parseResponse } from "../messages/parse.ts";

/** What can be wrong with a message that is right as HTTP. */
export const MESSAGE_FAULTS = [
  /** One bit of the block is another. */
  "wrong-bytes",
  "wrong-index",
  "wrong-segment",
  /** 16 bytes less than the block has. */
  "short-block",
  /** Ciphertext that is no multiple of 16. */
  "odd-block",
  "short-iv",
  /** Says that it is not encrypted. */
  "no-cipher",
  /** The block is right, and more follows than its padding. */
  "wrong-padding",
  /** Not held, whatever it advertised. */
  "empty-block",
  "wrong-size",
  "wrong-message-size",
  "truncated",
  "trailing",
  "unknown-type",
  /** A request where a response belongs. */
  "request-type",
  "unknown-cipher",
  "count-overrun",
  /** "I do not speak your version", though it does. */
  "nego",
  /** The same, and it does not. */
  "nego-incompatible",
] as const;

/** One of `MESSAGE_FAULTS`. */
export type MessageFault = (typeof MESSAGE_FAULTS)[number];

const NAMES: ReadonlySet<string> = new Set(MESSAGE_FAULTS);

export function isMessageFault(fault: string): fault is MessageFault {
  return NAMES.has(fault);
}

/** An HTTP body with that fault, made of an honest one; the faults of blocks leave other answers alone. */
export function corrupt(honest: Uint8Array, fault: MessageFault): Uint8Array {
  const bytes = honest.slice();
  const view = new DataView(bytes.buffer);
  switch (fault) {
    case "wrong-size":
      view.setUint32(0, bytes.length);
      return bytes;
    case "wrong-message-size":
      view.setUint32(SIZE_PREFIX_BYTES + 8, bytes.length);
      return bytes;
    case "truncated":
      return resized(bytes, bytes.length - 1);
    case "trailing":
      return resized(bytes, bytes.length + 4);
    case "unknown-type":
      view.setUint32(SIZE_PREFIX_BYTES + 4, 99);
      return bytes;
    case "request-type":
      view.setUint32(SIZE_PREFIX_BYTES + 4, 3);
      return bytes;
    case "unknown-cipher":
      view.setUint32(SIZE_PREFIX_BYTES + 12, 4);
      return bytes;
    case "count-overrun":
      view.setUint32(SIZE_PREFIX_BYTES + 16, 0xffff_ffff);
      return bytes;
    case "nego":
      return encodeMessage(negoResponse, 1, { min: { major: 1, minor: 0 }, max: { major: 2, minor: 0 } });
    case "nego-incompatible":
      return encodeMessage(negoResponse, 1, { min: { major: 7, minor: 0 }, max: { major: 9, minor: 0 } });
  }
  const response = parseResponse(honest);
  if (response.kind !== "block") return honest;
  const { body, cipher } = response;
  const { blockIndex, data, iv, segmentId } = body;
  if (fault === "empty-block") return encodeMessage(block, 0, { ...body, data: NOTHING, iv: NOTHING });
  if (data.length === 0) return honest;
  switch (fault) {
    case "wrong-bytes":
      return encodeMessage(block, cipher, { ...body, data: flipped(data, 3) });
    case "wrong-index":
      return encodeMessage(block, cipher, { ...body, blockIndex: blockIndex + 1 });
    case "wrong-segment":
      return encodeMessage(block, cipher, { ...body, segmentId: flipped(segmentId, 0) });
    case "short-block":
      return encodeMessage(block, cipher, { ...body, data: data.subarray(0, data.length - 32) });
    case "odd-block":
      return encodeMessage(block, cipher, { ...body, data: data.subarray(0, data.length - 1) });
    case "short-iv":
      return encodeMessage(block, cipher, { ...body, iv: iv.subarray(0, 8) });
    case "no-cipher":
      return encodeMessage(block, 0, { ...body, iv: NOTHING });
    case "wrong-padding":
      return encodeMessage(block, cipher, { ...body, data: resized(data, data.length + 16) });
  }
}

const NOTHING = new Uint8Array(0);

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}
