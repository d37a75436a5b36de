// @ts-check
/**
 * Many small segments in the LMDB store, beside as many in the memory store: how long it takes to open, to answer
 * "do we hold it?", and to evict. `node bench/store-segments.js [segments] [directory]`, 200,000 unless told; the
 * limits are for a million segments.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "@branchcache/cache-store";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { systemClock } from "@branchcache/runtime/node";
import { processUse } from "./support/process-use.js";
import { duration, startReport } from "./support/report.js";
import { putSmallSegment, SMALL_BLOCK_BYTES, segmentId } from "./support/small-segments.js";

/** @typedef {import("@branchcache/cache-store").BlockStore} BlockStore */

const PROBES = 100_000;
/** Spreads the probes over the segments. */
const STEP = 7_919;
const EVICTIONS = 5_000;

const segments = Number(process.argv[2] ?? 200_000);
const directory = mkdtempSync(join(process.argv[3] ?? tmpdir(), "branchcache-bench-segments-"));
const report = startReport(import.meta.filename, `${segments} segments of ${SMALL_BLOCK_BYTES} bytes`);

/** Seconds for each. @param {number} times @param {(n: number) => Promise<unknown>} work */
async function each(times, work) {
  const start = performance.now();
  for (let n = 0; n < times; n++) await work(n);
  return (performance.now() - start) / 1e3 / times;
}

/** Every second segment that is asked for is there. @param {BlockStore} blocks */
async function presence(blocks) {
  const probed = (/** @type {number} */ n) => (n * STEP) % (2 * segments);
  let found = 0;
  const seconds = await each(PROBES, async (n) => {
    const [held] = await blocks.holds([segmentId(probed(n))]);
    if (held) found++;
  });
  const expected = Array.from({ length: PROBES }, (_, n) => probed(n)).filter((n) => n < segments).length;
  if (found !== expected) throw new Error(`${found} found, ${expected} expected`);
  return seconds;
}

/** @param {BlockStore} blocks full */
async function evictions(blocks) {
  const seconds = await each(EVICTIONS, (n) => putSmallSegment(blocks, segments + n));
  await blocks.flush();
  const [oldest, survivor] = await blocks.holds([segmentId(EVICTIONS - 1), segmentId(EVICTIONS)]);
  if (oldest || !survivor) throw new Error("not the oldest were evicted");
  return seconds;
}

try {
  const options = { clock: systemClock, limitBytes: segments * SMALL_BLOCK_BYTES };
  const path = join(directory, "store");
  const writer = await openLmdbStore({ path, ...options });
  const putting = await each(segments, (n) => putSmallSegment(writer.blocks, n));
  await writer.close();

  const start = performance.now();
  const stores = await openLmdbStore({ path, ...options });
  const openMs = performance.now() - start;
  const usage = await stores.blocks.usage();
  if (usage.segments.complete !== segments) throw new Error(`${usage.segments.complete} segments`);
  const ours = { presence: await presence(stores.blocks), evictions: await evictions(stores.blocks) };
  const { anonymousMB } = await processUse(process.pid);
  await stores.close();

  const { blocks: memory } = createMemoryStore(options);
  const puttingToMemory = await each(segments, (n) => putSmallSegment(memory, n));
  const theirs = { presence: await presence(memory), evictions: await evictions(memory) };

  for (const [what, seconds, reference] of /** @type {const} */ ([
    ["put", putting, puttingToMemory],
    ['"do we hold it?"', ours.presence, theirs.presence],
    ["put with an eviction", ours.evictions, theirs.evictions],
  ])) {
    report.ratio({
      what,
      ours: duration(seconds),
      reference: `the memory store, ${duration(reference)}`,
      ratios: [reference / seconds],
    });
  }
  report.figure({ what: "opening", value: openMs, unit: "ms", limit: 1_000 });
  report.figure({ what: '"do we hold it?"', value: ours.presence * 1e6, unit: "us", limit: 20 });
  report.figure({ what: "anonymous memory", value: anonymousMB, unit: "MB", limit: 300 });
} finally {
  rmSync(directory, { recursive: true, force: true });
}
