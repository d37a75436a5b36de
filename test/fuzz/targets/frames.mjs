// @ts-check
/** Frames of the local sockets, however they are cut. */
import { FrameReader } from "@branchcache/peer-node";
import { encodeFrame } from "../../../packages/peer-node/dist/api/frames.js";
import { mustEqual, refusal } from "../lib/target.mjs";

/** @typedef {import("../lib/target.mjs").Target} Target */

/**
 * The length of the last frame becomes what is there.
 * @param {Uint8Array} bytes
 */
export function withFrameLength(bytes) {
  const right = Buffer.from(bytes);
  let at = 0;
  for (let length = 0; at + 4 <= right.length; at += 4 + length) {
    length = right.readUInt32BE(at);
    if (at + 4 + length <= right.length) continue;
    right.writeUInt32BE(right.length - at - 4, at);
    break;
  }
  return new Uint8Array(right);
}

/**
 * Messages up to the fault, and whether there was one.
 * @param {FrameReader} reader
 * @param {readonly Uint8Array[]} chunks
 */
function readAll(reader, chunks) {
  const messages = [];
  try {
    for (const chunk of chunks) {
      // Bytes of a message are good until the next one.
      for (const message of reader.push(chunk)) messages.push(structuredClone(message));
    }
  } catch (error) {
    return { messages, fault: refusal(error, /^BC_API_FRAME$/) };
  }
  return { messages, fault: "" };
}

/** @type {Target} */
const frames = {
  name: "local-frames",
  seeds: () => [
    encodeFrame({ op: "hello", protocol: 1 }),
    encodeFrame({ op: "content", bytes: new Uint8Array(40) }),
    Buffer.concat([
      encodeFrame({ op: "next", count: 3 }),
      encodeFrame([1, -1, 1.5, null, true, "é", { a: {} }]),
    ]),
    encodeFrame({ big: 2 ** 40, negative: -(2 ** 40), text: "x".repeat(300), list: Array(20).fill(0) }),
  ],
  repair: withFrameLength,
  async open() {
    return {
      run(bytes) {
        const whole = readAll(new FrameReader(), [bytes]);
        const parts = [];
        for (let at = 0; at < bytes.length; at += 7) parts.push(bytes.slice(at, at + 7));
        mustEqual(readAll(new FrameReader(), parts), whole, "read in pieces");
        mustEqual(readAll(new FrameReader({ reuse: true }), [bytes]), whole, "read where it lies");
        for (const message of whole.messages) roundTrip(message);
        return whole.messages.length > 0 ? "messages" : "refused";
      },
    };
  },
};

/** @param {unknown} message */
function roundTrip(message) {
  const again = readAll(new FrameReader(), [encodeFrame(message)]);
  mustEqual(again.messages, [message], "written and read again");
}

export const targets = [frames];
