/**
 * One measured run, in a process of its own so that its memory is its own: `node bench/hashing-run.js MODE FILE`.
 * Prints JSON: seconds of the work alone, peak resident memory, and a digest of the answer.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { encodePublication, SegmentCutter } from "@branchcache/content-info";
import { createHashingPool, publishFile } from "@branchcache/content-info/node";

const PIECE_BYTES = 1 << 20;

const [mode = "", path = ""] = process.argv.slice(2);
const [kind, versionText = "", workers = ""] = mode.split(":");
/** @type {readonly (1 | 2)[]} */
const versions = versionText === "both" ? [1, 2] : versionText === "v1" ? [1] : [2];

/** @returns {Promise<string>} */
async function work() {
  if (kind === "thread") return digestOf(await publishFile(path, { versions }));
  const pool = createHashingPool({ workers: Number(workers) });
  try {
    return digestOf(await pool.publishFile(path, { versions }));
  } finally {
    await pool.close();
  }
}

/** @param {import("@branchcache/content-info").Publications} publications */
function digestOf({ v1, v2 }) {
  const hash = createHash("sha256");
  for (const publication of [v1, v2]) if (publication) hash.update(encodePublication(publication));
  return hash.digest("hex");
}

/** @param {Uint8Array} content */
function cutAlone(content) {
  const cutter = new SegmentCutter();
  let segments = 0;
  for (let offset = 0; offset < content.length; offset += PIECE_BYTES) {
    const piece = content.subarray(offset, offset + PIECE_BYTES);
    for (let at = 0; at < piece.length; ) {
      const end = cutter.next(piece, at);
      if (end < 0) break;
      segments++;
      at = end;
    }
  }
  return String(segments + (cutter.pendingBytes > 0 ? 1 : 0));
}

/** @param {Uint8Array} content */
function hashAlone(content) {
  let last = "";
  for (let offset = 0; offset < content.length; offset += 65_536) {
    last = createHash("sha512")
      .update(content.subarray(offset, offset + 65_536))
      .digest("hex");
  }
  return last;
}

/** @type {() => string | Promise<string>} */
let run = work;
if (kind === "cut" || kind === "sha512") {
  const bytes = readFileSync(path);
  const content = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  run = () => (kind === "cut" ? cutAlone(content) : hashAlone(content));
}
const start = performance.now();
const answer = await run();
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ seconds, peakMB: process.resourceUsage().maxRSS / 1000, answer }));
