// @ts-check
/**
 * One measured run, in a process of its own so that its memory is its own: `run.js MODE FILE SMALL`. What a process
 * does once, starting threads and compiling, it does with SMALL before. Prints JSON: what it used, and a digest of the answer.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { encodePublication, SegmentCutter } from "@branchcache/content-info";
import { createHashingPool, publishFile } from "@branchcache/content-info/node";
import { watchOwnUse } from "../support/process-use.js";

const PIECE_BYTES = 1 << 20;

const [mode = "", path = "", smallPath = ""] = process.argv.slice(2);
const [kind, versionText = "", workers = ""] = mode.split(":");
/** @type {readonly (1 | 2)[]} */
const versions = versionText === "both" ? [1, 2] : versionText === "v1" ? [1] : [2];

/**
 * @param {(path: string) => Promise<import("@branchcache/content-info").Publications>} publish
 */
async function timed(publish) {
  await publish(smallPath);
  return measure(async () => digestOf(await publish(path)));
}

/** @param {() => string | Promise<string>} run */
async function measure(run) {
  const used = watchOwnUse();
  const answer = await run();
  return { ...used(), answer };
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

async function run() {
  if (kind === "idle") return measure(() => "");
  if (kind === "cut" || kind === "sha512") {
    const bytes = readFileSync(path);
    const content = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    const alone = kind === "cut" ? cutAlone : hashAlone;
    alone(content.subarray(0, 16 * PIECE_BYTES));
    return measure(() => alone(content));
  }
  if (kind === "thread") return timed((file) => publishFile(file, { versions }));
  const pool = createHashingPool({ workers: Number(workers) });
  try {
    return await timed((file) => pool.publishFile(file, { versions }));
  } finally {
    await pool.close();
  }
}

console.log(JSON.stringify(await run()));
