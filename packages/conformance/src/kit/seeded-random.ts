import { createHash } from "node:crypto";
import type { Random } from "@branchcache/runtime";

/** Random bytes that are the same for the same seed: SHA-256 of seed and a counter. */
export function seededRandom(seed: number): Random {
  let counter = 0;
  return {
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 32) {
        const part = createHash("sha256").update(`${seed}:${counter++}`).digest();
        bytes.set(part.subarray(0, length - at), at);
      }
      return bytes;
    },
  };
}
