/**
 * What a worker thread of the hashing pool runs. Plain JavaScript that imports packages by name, so that a thread starts
 * from the sources as well as from the build.
 */
import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { SegmentCutter } from "@branchcache/content-info";
import { concatBytes, errorMessage } from "@branchcache/runtime";

/** @import { PartResult, PartTask, SliceResult, SliceTask } from "./hash-task.ts" */

const BLOCK_BYTES = 65_536;
/** Stays in the processor's cache from reading to hashing; larger pieces cost the kernel twice as much to copy. */
const READ_BYTES = BLOCK_BYTES;
const SEGMENT_HASH_BYTES = 32;
/** Cuts from two different starts mostly come to a common end within a few segments; in repetitive content perhaps never. */
const MAX_OVERRUN_BYTES = 2 << 20;

const readBuffer = new Uint8Array(READ_BYTES);

/**
 * For each job the hashes of its slices, joined.
 *
 * @param {SliceTask} task
 * @returns {SliceResult}
 */
export function hashSlices({ buffer, jobs }) {
  return jobs.map(({ hash, hashBytes, offsetBytes, lengths }) => {
    const joined = new Uint8Array(lengths.length * hashBytes);
    let at = offsetBytes;
    for (const [index, length] of lengths.entries()) {
      const digest = createHash(hash)
        .update(new Uint8Array(buffer, at, length))
        .digest();
      joined.set(digest.subarray(0, hashBytes), index * hashBytes);
      at += length;
    }
    return joined;
  });
}

/**
 * Hashes the part's blocks, and its segments as though one began at its start. Goes on behind the part's end until a
 * segment ends where one of the next part does: from there on the next part's segments are right whatever came before.
 *
 * @param {PartTask} task
 * @returns {PartResult}
 */
export function hashPart(task) {
  const { fileBytes, startBytes, endBytes, blocksBy, segments } = task;
  /** @type {Buffer[]} */
  const blocks = [];
  const own = new SegmentChain(startBytes);
  try {
    for (const block of readPieces(task, startBytes, endBytes)) {
      if (blocksBy) blocks.push(createHash(blocksBy).update(block).digest());
      if (segments) own.update(block);
    }
    let met = true;
    if (segments && endBytes === fileBytes) own.finish();
    else if (segments) met = goOnUntilMet(own, task);
    return { blockHashes: concatBytes(...blocks), ...own.result(), met };
  } catch (error) {
    if (error instanceof ReadFault) return { offsetBytes: error.offsetBytes, message: error.reason };
    throw error;
  }
}

/**
 * @param {SegmentChain} own
 * @param {PartTask} task
 * @returns {boolean}
 */
function goOnUntilMet(own, task) {
  const { endBytes, fileBytes } = task;
  if (own.endBytes === endBytes) return true;
  const next = new SegmentCutter();
  const nextEnds = new Set([endBytes]);
  const limitBytes = Math.min(endBytes + MAX_OVERRUN_BYTES, fileBytes);
  let offset = endBytes;
  for (const bytes of readPieces(task, endBytes, limitBytes)) {
    const before = own.ends.length;
    own.update(bytes);
    for (let at = 0; at < bytes.length; ) {
      const end = next.next(bytes, at);
      if (end < 0) break;
      nextEnds.add(offset + end);
      at = end;
    }
    offset += bytes.length;
    const meeting = own.ends.findIndex((end, index) => index >= before && nextEnds.has(end));
    if (meeting >= 0) {
      own.keep(meeting + 1);
      return true;
    }
  }
  if (limitBytes < fileBytes) return false;
  own.finish();
  return true;
}

/** Segments one after another, cut and hashed as their bytes come. */
class SegmentChain {
  #cutter = new SegmentCutter();
  /** @type {import("node:crypto").Hash | undefined} */
  #running;
  #startBytes;
  /** @type {Buffer[]} */
  #hashes = [];
  /** @type {number[]} Where in the file each segment ends. */
  ends = [];

  /** @param {number} startBytes */
  constructor(startBytes) {
    this.#startBytes = startBytes;
  }

  /** Where the last whole segment ends. */
  get endBytes() {
    return this.ends.at(-1) ?? this.#startBytes;
  }

  /** @param {Uint8Array} bytes */
  update(bytes) {
    for (let at = 0; at < bytes.length; ) {
      const pending = this.#cutter.pendingBytes;
      const end = this.#cutter.next(bytes, at);
      this.#running ??= createHash("sha512");
      if (end < 0) {
        this.#running.update(bytes.subarray(at));
        return;
      }
      this.#running.update(bytes.subarray(at, end));
      this.#endSegment(pending + end - at);
      at = end;
    }
  }

  /** The file ends here. */
  finish() {
    if (this.#cutter.pendingBytes > 0) this.#endSegment(this.#cutter.pendingBytes);
  }

  /**
   * Keeps the first `count` segments and forgets the others.
   *
   * @param {number} count
   */
  keep(count) {
    this.ends.length = count;
    this.#hashes.length = count;
  }

  result() {
    let start = this.#startBytes;
    const segmentLengths = Uint32Array.from(this.ends, (end) => {
      const length = end - start;
      start = end;
      return length;
    });
    return { segmentLengths, segmentHashes: concatBytes(...this.#hashes), segmentsEndBytes: this.endBytes };
  }

  /** @param {number} lengthBytes */
  #endSegment(lengthBytes) {
    this.ends.push(this.endBytes + lengthBytes);
    if (this.#running) this.#hashes.push(this.#running.digest().subarray(0, SEGMENT_HASH_BYTES));
    this.#running = undefined;
  }
}

class ReadFault extends Error {
  /**
   * @param {number} offsetBytes
   * @param {string | undefined} reason
   */
  constructor(offsetBytes, reason) {
    super(reason);
    this.offsetBytes = offsetBytes;
    this.reason = reason;
  }
}

/**
 * A block's length at a time, in one buffer: each is valid until the next is asked for.
 *
 * @param {PartTask} task
 * @param {number} startBytes
 * @param {number} endBytes
 */
function* readPieces({ descriptor, stop }, startBytes, endBytes) {
  for (let offset = startBytes; offset < endBytes; offset += READ_BYTES) {
    if (Atomics.load(stop, 0) !== 0) throw new ReadFault(offset, "given up");
    const length = Math.min(READ_BYTES, endBytes - offset);
    for (let filled = 0; filled < length; ) {
      const read = readSome(descriptor, filled, length - filled, offset + filled);
      if (read === 0) throw new ReadFault(offset + filled, undefined);
      filled += read;
    }
    yield readBuffer.subarray(0, length);
  }
}

/**
 * @param {number} descriptor
 * @param {number} at
 * @param {number} length
 * @param {number} offsetBytes
 */
function readSome(descriptor, at, length, offsetBytes) {
  try {
    return readSync(descriptor, readBuffer, at, length, offsetBytes);
  } catch (error) {
    throw new ReadFault(offsetBytes, errorMessage(error));
  }
}
