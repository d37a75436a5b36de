/**
 * What a worker thread of the hashing pool runs: nothing but hashes. Plain JavaScript, so that it starts from the
 * sources as well as from the build.
 */
import { createHash } from "node:crypto";

/** @import { SliceTask } from "./hash-task.ts" */

/**
 * For each job the hashes of its slices, joined.
 *
 * @param {SliceTask} task
 * @returns {readonly Uint8Array[]}
 */
export default function hashSlices({ buffer, jobs }) {
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
