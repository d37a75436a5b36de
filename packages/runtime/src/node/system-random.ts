import { getRandomValues } from "node:crypto";
import type { Random } from "../random.ts";

/** The operating system's random source, fit for keys. */
export const systemRandom: Random = {
  bytes: (length) => {
    const bytes = new Uint8Array(length);
    // getRandomValues refuses more than 64 KiB at a time.
    for (let at = 0; at < length; at += 65_536) getRandomValues(bytes.subarray(at, at + 65_536));
    return bytes;
  },
};
