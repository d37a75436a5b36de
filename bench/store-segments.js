/**
 * Many small segments in the LMDB store: how long it takes to open, to answer "do we hold it?", and to evict.
 * `node bench/store-segments.js [segments] [directory]`; the aims are for a million segments.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { systemClock } from "@branchcache/runtime/node";

const segments = Number(process.argv[2] ?? 200_000);
const directory = mkdtempSync(join(process.argv[3] ?? tmpdir(), "bench-segments-"));
const BLOCK_BYTES = 100;

/** Spread over the whole range, as hashes are. @param {number} n */
function idOf(n) {
  const id = new Uint8Array(32);
  const view = new DataView(id.buffer);
  view.setUint32(0, Math.imul(n, 2_654_435_761) >>> 0);
  view.setUint32(4, n);
  return id;
}

const block = { cipher: /** @type {const} */ (0), iv: new Uint8Array(0), data: new Uint8Array(BLOCK_BYTES) };

/** @param {import("@branchcache/cache-store").BlockStore} blocks @param {number} n */
function put(blocks, n) {
  const segment = {
    id: idOf(n),
    cipher: /** @type {const} */ (0),
    lengthBytes: BLOCK_BYTES,
    blockSizeBytes: BLOCK_BYTES,
    tags: [],
    trust: /** @type {const} */ ("verified"),
  };
  return blocks.putBlock(segment, 0, block);
}

/** @param {(n: number) => Promise<unknown>} work @param {number} times */
async function microseconds(work, times) {
  const start = performance.now();
  for (let n = 0; n < times; n++) await work(n);
  return ((performance.now() - start) * 1000) / times;
}

function anonymousMiB() {
  return Number(/RssAnon:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) / 1024;
}

try {
  const options = { path: join(directory, "store"), clock: systemClock, limitBytes: segments * BLOCK_BYTES };
  const writer = await openLmdbStore(options);
  const putUs = await microseconds((n) => put(writer.blocks, n), segments);
  await writer.close();

  const start = performance.now();
  const stores = await openLmdbStore(options);
  const openMs = performance.now() - start;
  const { blocks } = stores;
  const usage = await blocks.usage();
  if (usage.segments.complete !== segments) throw new Error(`${usage.segments.complete} segments`);

  let found = 0;
  const step = 7919;
  const probes = 100_000;
  const oneUs = await microseconds(async (n) => {
    const [held] = await blocks.holds([idOf((n * step) % (2 * segments))]);
    if (held) found++;
  }, probes);
  const expected = Array.from({ length: probes }, (_, n) => (n * step) % (2 * segments) < segments).filter(
    Boolean,
  ).length;
  if (found !== expected) throw new Error(`${found} found, ${expected} expected`);

  const evictions = 5000;
  const evictUs = await microseconds((n) => put(blocks, segments + n), evictions);
  await blocks.flush();
  const [oldest, survivor] = await blocks.holds([idOf(evictions - 1), idOf(evictions)]);
  if (oldest || !survivor) throw new Error("not the oldest were evicted");

  console.log(`${segments} segments, Node.js ${process.version}`);
  console.log(`open                  ${openMs.toFixed(0)} ms (aim 1000)`);
  console.log(`"do we hold it?"      ${oneUs.toFixed(1)} us (aim 20)`);
  console.log(`put                   ${putUs.toFixed(1)} us`);
  console.log(`put with an eviction  ${evictUs.toFixed(1)} us`);
  console.log(`anonymous memory      ${anonymousMiB().toFixed(0)} MiB (aim 300)`);
  await stores.close();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
