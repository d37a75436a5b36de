// @ts-check
/** Frames of the local sockets, with data behind them and without, however they are cut. */
import { FrameReader } from "@branchcache/peer-node";
import { encodeFrame, encodeFrameOfData } from "../../../packages/peer-node/dist/api/frames.js";
import { mustEqual, refusal } from "../lib/target.mjs";

/** @typedef {import("../lib/target.mjs").Target} Target */

const WITH_DATA = 0x8000_0000;

/** @param {unknown} message @param {Uint8Array} data */
export function frameWithData(message, data) {
  return Buffer.concat([encodeFrameOfData(message, data.length), data]);
}

/**
 * The length of the last frame becomes what is there.
 * @param {Uint8Array} bytes
 */
export function withFrameLength(bytes) {
  const right = Buffer.from(bytes);
  for (let at = 0; at + 4 <= right.length; ) {
    const mark = right.readUInt32BE(at);
    const hasData = mark >= WITH_DATA && at + 8 <= right.length;
    const dataBytes = hasData ? right.readUInt32BE(at + 4) : 0;
    const start = at + (hasData ? 8 : 4);
    const messageBytes = mark % WITH_DATA;
    if (start + messageBytes + dataBytes <= right.length) {
      at = start + messageBytes + dataBytes;
      continue;
    }
    // Of a frame with data its message is left as long as it says, where that is possible.
    if (hasData && start + messageBytes <= right.length) {
      right.writeUInt32BE(right.length - start - messageBytes, at + 4);
    } else right.writeUInt32BE(right.length - at - 4, at);
    break;
  }
  return new Uint8Array(right);
}

/**
 * Messages up to the fault, and whether there was one.
 * @param {readonly Uint8Array[]} chunks
 */
export function readFrames(chunks) {
  /** @type {{ message: unknown, data?: Uint8Array }[]} */
  const messages = [];
  const reader = new FrameReader((message, data) => {
    // A copy, since Buffer and Uint8Array are the same here.
    messages.push({ message: structuredClone(message), ...(data && { data: new Uint8Array(data) }) });
  });
  try {
    for (const chunk of chunks) reader.push(chunk);
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
    frameWithData({ op: "content" }, new Uint8Array(40)),
    Buffer.concat([
      encodeFrame({ op: "next", count: 3 }),
      frameWithData({ op: "add" }, new Uint8Array(0)),
      encodeFrame([1, -1, 1.5, null, true, "é", { a: {} }, new Uint8Array(3)]),
    ]),
    encodeFrame({ big: 2 ** 40, negative: -(2 ** 40), text: "x".repeat(300), list: Array(20).fill(0) }),
  ],
  repair: withFrameLength,
  async open() {
    return {
      run(bytes) {
        const whole = readFrames([bytes]);
        const parts = [];
        for (let at = 0; at < bytes.length; at += 7) parts.push(bytes.slice(at, at + 7));
        mustEqual(readFrames(parts), whole, "read in pieces");
        for (const { message, data } of whole.messages) {
          const again = readFrames([data ? frameWithData(message, data) : encodeFrame(message)]);
          mustEqual(again.messages, [{ message, ...(data && { data }) }], "written and read again");
        }
        return whole.messages.length > 0 ? "messages" : "refused";
      },
    };
  },
};

export const targets = [frames];
