// @ts-check
/**
 * The LMDB store against the machine it runs on: put and flush against `dd conv=fdatasync` writing the same
 * bytes, reads against `openssl dgst -sha256`. `node bench/store.js [MiB] [directory]`, 512 MiB where the system
 * keeps temporary files unless told.
 */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { systemClock } from "@branchcache/runtime/node";
import { BLOCK_BYTES, SEALED_BYTES, sealedBlock, storeContent } from "./store/content.js";
import { median } from "./support/median.js";
import { againstOpenssl, secondsOf } from "./support/openssl.js";
import { processUse } from "./support/process-use.js";
import { rate, startReport } from "./support/report.js";

const BLOCKS_PER_SEGMENT = 512;
const ROUNDS = 5;
const READ_ROUNDS = 3;
const PROBES = 20_000;

const sizeMiB = Number(process.argv[2] ?? 512);
const content = storeContent(Math.floor((sizeMiB * 2 ** 20) / BLOCK_BYTES), BLOCKS_PER_SEGMENT);
const directory = mkdtempSync(join(process.argv[3] ?? tmpdir(), "branchcache-bench-store-"));
const source = join(directory, "source");

/** @param {() => Promise<unknown>} work */
async function timed(work) {
  const start = performance.now();
  await work();
  return { seconds: (performance.now() - start) / 1e3 };
}

/** Disks change their mind from one second to the next: neighbours in time are compared, the median counts. */
async function bench() {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < 4 * content.bytes) {
    throw new Error(`${directory}: not enough space for ${sizeMiB} MiB`);
  }
  const report = startReport(
    import.meta.filename,
    `${content.blocks} blocks of ${SEALED_BYTES} bytes in ${directory}`,
  );
  const fill = openSync(source, "w");
  for (let n = 0; n < content.blocks; n++) writeSync(fill, sealedBlock(n).data);
  closeSync(fill);

  const path = join(directory, "store");
  const copy = join(directory, "copy");
  const open = () => openLmdbStore({ path, limitBytes: 4 * content.bytes, clock: systemClock });
  // Of what is mapped from files the page cache decides.
  let mostAnonymousMB = 0;
  /** @param {import("@branchcache/cache-store").BlockStore} blocks */
  const putAll = async (blocks) => {
    for (let n = 0; n < content.blocks; n++) {
      if (n % BLOCKS_PER_SEGMENT === 0) {
        mostAnonymousMB = Math.max(mostAnonymousMB, (await processUse(process.pid)).anonymousMB);
      }
      await content.put(blocks, n);
    }
    await blocks.flush();
  };
  // What is right is seen before anything is timed.
  let stores = await open();
  await putAll(stores.blocks);
  await content.check(stores.blocks);
  const usage = await stores.blocks.usage();
  if (usage.bytes !== content.blocks * (SEALED_BYTES + 16)) throw new Error(`${usage.bytes} bytes counted`);

  const writes = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Bytes on the disk before the clock starts, or `dd` and the store pay for each other.
    execFileSync("sync");
    const dd = await secondsOf("dd", [`if=${source}`, `of=${copy}`, "bs=64K", "conv=fdatasync"]);
    rmSync(copy);
    await stores.close();
    rmSync(path, { recursive: true });
    stores = await open();
    execFileSync("sync");
    writes.push({ dd, ...(await timed(() => putAll(stores.blocks))) });
  }
  report.ratio({
    what: "put and flush",
    ours: rate(content.bytes, median(writes.map(({ seconds }) => seconds))),
    reference: `dd conv=fdatasync, ${rate(content.bytes, median(writes.map(({ dd }) => dd)))}`,
    ratios: writes.map(({ dd, seconds }) => dd / seconds),
    aim: 0.8,
  });

  const { blocks } = stores;
  const reused = new Uint8Array(SEALED_BYTES);
  /** @typedef {(id: Uint8Array, index: number) => Promise<number | undefined>} Read */
  /** @type {readonly { what: string, read: Read, aim?: number }[]} */
  const reads = [
    {
      what: "get as a copy, checksum checked",
      read: async (id, index) => (await blocks.getBlock(id, index))?.data.length,
      aim: 0.9,
    },
    {
      what: "withBlock, checksum checked",
      read: (id, index) => blocks.withBlock(id, index, ({ data }) => data.length),
    },
    {
      what: "withBlock, for callers who verify",
      read: (id, index) => blocks.withBlock(id, index, ({ data }) => data.length, { checked: false }),
      aim: 2,
    },
    {
      what: "withBlock, checksum checked, copied into one buffer",
      read: (id, index) =>
        blocks.withBlock(id, index, ({ data }) => {
          reused.set(data);
          return data.length;
        }),
    },
  ];
  for (const { aim, read, what } of reads) {
    const { ratios, referenceSeconds, seconds } = await againstOpenssl("sha256", source, READ_ROUNDS, () =>
      timed(async () => {
        let sum = 0;
        for (let n = 0; n < content.blocks; n++) {
          const { index, segment } = content.placeOf(n);
          sum += (await read(segment.id, index)) ?? 0;
        }
        if (sum !== content.bytes) throw new Error(`${sum} bytes read`);
      }),
    );
    report.ratio({
      what,
      ours: rate(content.bytes, seconds),
      reference: `openssl sha256, ${rate(content.bytes, referenceSeconds)}`,
      ratios,
      ...(aim !== undefined && { aim }),
    });
  }

  const ids = content.segments.map(({ id }) => id);
  const { seconds } = await timed(async () => {
    for (let n = 0; n < PROBES; n++) await blocks.holds([ids[n % ids.length] ?? new Uint8Array(32)]);
  });
  report.figure({
    what: `"do we hold it?" of ${ids.length} segments`,
    value: (seconds * 1e6) / PROBES,
    unit: "us",
    limit: 20,
  });
  report.note(`most anonymous memory: ${mostAnonymousMB.toFixed(0)} MB`);
  await stores.close();
}

try {
  await bench();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
