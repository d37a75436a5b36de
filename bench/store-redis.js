/**
 * The Redis store beside `redis-benchmark`, on a cluster of three masters and three replicas on loopback that this starts:
 * blocks of 64 KiB put and got, `SET` and `GET` of as many bytes. `node bench/store-redis.js [MiB] [rounds]`.
 */
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { openRedisStore } from "@branchcache/cache-store/redis";
import { systemClock } from "@branchcache/runtime/node";
import { startRedisCluster } from "../test/support/redis-cluster.mjs";
import { BLOCK_BYTES, SEALED_BYTES, sealedBlock, segment as segmentOf } from "./store-content.js";

const BLOCKS_PER_SEGMENT = 32;
/** Questions under way at once, of the store and of `redis-benchmark`. */
const CLIENTS = 16;

const sizeMiB = Number(process.argv[2] ?? 256);
const rounds = Number(process.argv[3] ?? 5);
const blocks = Math.floor((sizeMiB * 2 ** 20) / BLOCK_BYTES);
/** @param {number} n */
const segment = (n) => segmentOf(n, BLOCKS_PER_SEGMENT);

/** @param {(n: number) => Promise<unknown>} work */
async function rate(work) {
  const start = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      for (let n = next++; n < blocks; n = next++) await work(n);
    }),
  );
  return (blocks * SEALED_BYTES) / 1e3 / (performance.now() - start);
}

/** @param {string} program @param {string} port @param {string} test */
function benchmark(program, port, test) {
  const options = [
    "-d",
    String(SEALED_BYTES),
    "-n",
    String(blocks),
    "-c",
    String(CLIENTS),
    "-r",
    String(blocks),
  ];
  const output = execFileSync(program, ["--cluster", "-p", port, "-t", test, ...options, "--csv"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const perSecond = Number(new RegExp(`"${test}","([\\d.]+)"`, "i").exec(output)?.[1]);
  if (!(perSecond > 0)) throw new Error(`redis-benchmark said ${output}`);
  return (perSecond * SEALED_BYTES) / 1e6;
}

function findServer() {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"]) {
    const path = join(folder, "redis-server");
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return undefined;
}

/** @param {number[]} values */
const median = (values) => values.toSorted((x, y) => x - y)[values.length >> 1] ?? Number.NaN;

async function run(/** @type {string} */ server) {
  const program = join(dirname(server), "redis-benchmark");
  const cluster = await startRedisCluster(server);
  try {
    const port = cluster.nodes[0]?.split(":")[1] ?? "";
    const stores = await openRedisStore({ nodes: cluster.nodes, deadlineMs: 10_000, clock: systemClock });
    /** @type {Record<"set" | "put" | "get" | "read", number[]>} */
    const rates = { set: [], put: [], get: [], read: [] };
    // One round more, first, that counts for nothing: until then our code is not compiled.
    for (let round = 0; round <= rounds; round++) {
      if (round === 1) for (const list of Object.values(rates)) list.length = 0;
      await Promise.all(cluster.masters.map((node) => node.ask("FLUSHALL")));
      rates.set.push(benchmark(program, port, "set"));
      rates.get.push(benchmark(program, port, "get"));
      await Promise.all(cluster.masters.map((node) => node.ask("FLUSHALL")));
      const start = performance.now();
      await rate((n) => stores.blocks.putBlock(segment(n), n % BLOCKS_PER_SEGMENT, sealedBlock(n)));
      await stores.blocks.flush();
      rates.put.push((blocks * SEALED_BYTES) / 1e3 / (performance.now() - start));
      let bytes = 0;
      rates.read.push(
        await rate(async (n) => {
          const block = await stores.blocks.getBlock(segment(n).id, n % BLOCKS_PER_SEGMENT);
          bytes += block?.data.length ?? 0;
        }),
      );
      if (bytes !== blocks * SEALED_BYTES) throw new Error(`${bytes} bytes read`);
    }
    for (let n = 0; n < blocks; n += 97) {
      const got = await stores.blocks.getBlock(segment(n).id, n % BLOCKS_PER_SEGMENT);
      if (!got || Buffer.compare(got.data, sealedBlock(n).data) !== 0) throw new Error(`block ${n} differs`);
    }
    await stores.close();
    console.log(`${blocks} blocks of ${SEALED_BYTES} bytes, ${CLIENTS} at once, median of ${rounds}`);
    for (const [ours, theirs, what] of /** @type {const} */ ([
      ["put", "set", "put and flush to one replica / SET"],
      ["read", "get", "get, checksum checked / GET"],
    ])) {
      const ratio = median(rates[ours].map((value, i) => value / (rates[theirs][i] ?? Number.NaN)));
      console.log(
        `${what.padEnd(36)} ${median(rates[ours]).toFixed(0)} / ${median(rates[theirs]).toFixed(0)} MB/s  ${ratio.toFixed(2)}`,
      );
    }
  } finally {
    await cluster.close();
  }
}

const server = findServer();
if (server === undefined) console.log("skipped: redis-server is not installed");
else await run(server);
