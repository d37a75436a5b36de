/**
 * The LMDB store against the machine it runs on: put and flush against `dd conv=fdatasync` writing the same
 * bytes, get against `openssl dgst -sha256`. `node bench/store.js [MiB] [directory]`; ratios are of one run.
 */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { systemClock } from "@branchcache/runtime/node";
import { BLOCK_BYTES, SEALED_BYTES, sealedBlock, segment as segmentOf } from "./store-content.js";

const BLOCKS_PER_SEGMENT = 512;
const ROUNDS = 5;

const sizeMiB = Number(process.argv[2] ?? 512);
const blocks = Math.floor((sizeMiB * 2 ** 20) / BLOCK_BYTES);
const directory = mkdtempSync(join(process.argv[3] ?? tmpdir(), "bench-store-"));
const totalBytes = blocks * SEALED_BYTES;

/** @param {number} n */
const segment = (n) => segmentOf(n, BLOCKS_PER_SEGMENT);

/**
 * @param {string} what
 * @param {() => unknown} work
 */
async function rate(what, work) {
  const start = performance.now();
  await work();
  const megabytesPerSecond = totalBytes / 1e3 / (performance.now() - start);
  console.log(`${what.padEnd(40)} ${megabytesPerSecond.toFixed(0).padStart(6)} MB/s`);
  return megabytesPerSecond;
}

/** Bytes on the disk before the clock starts, or `dd` and the store pay for each other. */
function settleDisk() {
  execFileSync("sync");
}

/** Anonymous memory in MiB: what is mapped from the file is the page cache's. Largest seen is kept. */
let largestMiB = 0;
function noteMemory() {
  const status = readFileSync("/proc/self/status", "utf8");
  const kib = Number(/RssAnon:\s*(\d+)/.exec(status)?.[1] ?? 0);
  largestMiB = Math.max(largestMiB, kib / 1024);
}

/** @param {number[]} values */
const median = (values) => values.toSorted((x, y) => x - y)[values.length >> 1] ?? Number.NaN;

try {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < 4 * totalBytes) throw new Error(`${directory}: not enough space for ${sizeMiB} MiB`);
  console.log(`${blocks} blocks of ${SEALED_BYTES} bytes in ${directory}, Node.js ${process.version}`);

  const source = join(directory, "source");
  const copy = join(directory, "copy");
  const fill = openSync(source, "w");
  for (let n = 0; n < blocks; n++) writeSync(fill, sealedBlock(n).data);
  closeSync(fill);

  const path = join(directory, "store");
  const open = () => openLmdbStore({ path, limitBytes: 4 * totalBytes, clock: systemClock });
  /** @type {number[]} */
  const ratios = [];
  let stores = await open();
  // Disks change their mind from one second to the next: neighbours in time are compared, the median counts.
  for (let round = 0; round < ROUNDS; round++) {
    settleDisk();
    const dd = await rate("dd conv=fdatasync", () =>
      execFileSync("dd", [`if=${source}`, `of=${copy}`, "bs=64K", "conv=fdatasync"], { stdio: "ignore" }),
    );
    rmSync(copy);
    await stores.close();
    rmSync(path, { recursive: true });
    stores = await open();
    settleDisk();
    const put = await rate("put and flush", async () => {
      let segmentNow = segment(0);
      for (let n = 0; n < blocks; n++) {
        if (n % BLOCKS_PER_SEGMENT === 0) {
          segmentNow = segment(n);
          noteMemory();
        }
        await stores.blocks.putBlock(segmentNow, n % BLOCKS_PER_SEGMENT, sealedBlock(n));
      }
      await stores.blocks.flush();
    });
    ratios.push(put / dd);
  }

  for (let n = 0; n < blocks; n += 97) {
    const got = await stores.blocks.getBlock(segment(n).id, n % BLOCKS_PER_SEGMENT);
    if (!got || Buffer.compare(got.data, sealedBlock(n).data) !== 0) throw new Error(`block ${n} differs`);
  }
  const usage = await stores.blocks.usage();
  if (usage.bytes !== blocks * (SEALED_BYTES + 16)) throw new Error(`${usage.bytes} bytes counted`);

  const ids = Array.from(
    { length: Math.ceil(blocks / BLOCKS_PER_SEGMENT) },
    (_, n) => segment(n * BLOCKS_PER_SEGMENT).id,
  );
  /** @param {(id: Uint8Array, index: number) => Promise<number | undefined>} read */
  const readAll = async (read) => {
    let sum = 0;
    for (let n = 0; n < blocks; n++) {
      const id = ids[Math.floor(n / BLOCKS_PER_SEGMENT)];
      sum += (id && (await read(id, n % BLOCKS_PER_SEGMENT))) ?? 0;
    }
    if (sum !== totalBytes) throw new Error(`${sum} bytes read`);
  };
  const get = await rate("get, a copy, checksum checked", () =>
    readAll(async (id, index) => (await stores.blocks.getBlock(id, index))?.data.length),
  );
  const view = await rate("withBlock, checksum checked", () =>
    readAll((id, index) => stores.blocks.withBlock(id, index, (block) => block.data.length)),
  );
  const bare = await rate("withBlock, for callers who verify", () =>
    readAll((id, index) =>
      stores.blocks.withBlock(id, index, (block) => block.data.length, { checked: false }),
    ),
  );
  const reused = new Uint8Array(SEALED_BYTES);
  const lend = await rate("withBlock, copied into one buffer", () =>
    readAll((id, index) =>
      stores.blocks.withBlock(id, index, (block) => {
        reused.set(block.data);
        return block.data.length;
      }),
    ),
  );
  const openssl = await rate("openssl dgst -sha256", () =>
    execFileSync("openssl", ["dgst", "-sha256", source], { stdio: "ignore" }),
  );

  const probes = 20_000;
  const start = performance.now();
  for (let n = 0; n < probes; n++) await stores.blocks.holds([ids[n % ids.length] ?? new Uint8Array(32)]);
  const perProbeUs = ((performance.now() - start) * 1000) / probes;
  await stores.close();

  console.log(`put and flush / dd          ${median(ratios).toFixed(2)}  (aim 0.8; median of ${ROUNDS})`);
  console.log(`get / openssl               ${(get / openssl).toFixed(2)}  (aim 0.9 with checksum)`);
  console.log(`withBlock / openssl         ${(view / openssl).toFixed(2)}`);
  console.log(`the same, unchecked         ${(bare / openssl).toFixed(2)}  (aim 2)`);
  console.log(`the same, copied / openssl  ${(lend / openssl).toFixed(2)}`);
  console.log(`"do we hold it?"            ${perProbeUs.toFixed(1)} us  (aim 20)`);
  console.log(`largest anonymous memory    ${largestMiB.toFixed(0)} MiB`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
