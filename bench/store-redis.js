// @ts-check
/**
 * The Redis store beside `redis-benchmark`, on a cluster of three masters and three replicas on loopback that this starts:
 * blocks of 64 KiB put and got, `SET` and `GET` of as many bytes. `node bench/store-redis.js [MiB] [rounds]`, 256 MiB
 * and 5 rounds unless told.
 */
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { openRedisStore } from "@branchcache/cache-store/redis";
import { systemClock } from "@branchcache/runtime/node";
import { findProgram } from "../test/support/find-program.mjs";
import { startRedisCluster } from "../test/support/redis-cluster.mjs";
import { BLOCK_BYTES, SEALED_BYTES, storeContent } from "./store/content.js";
import { median } from "./support/median.js";
import { rate, startReport } from "./support/report.js";

/** Questions under way at once, of the store and of `redis-benchmark`. */
const CLIENTS = 16;

const sizeMiB = Number(process.argv[2] ?? 256);
const rounds = Number(process.argv[3] ?? 5);
const content = storeContent(Math.floor((sizeMiB * 2 ** 20) / BLOCK_BYTES), 32);
const report = startReport(
  import.meta.filename,
  `${content.blocks} blocks of ${SEALED_BYTES} bytes, ${CLIENTS} at once, ${rounds} rounds`,
);

/** Seconds. @param {(n: number) => Promise<unknown>} work @param {() => Promise<void>} [after] */
async function timed(work, after) {
  const start = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      for (let n = next++; n < content.blocks; n = next++) await work(n);
    }),
  );
  await after?.();
  return (performance.now() - start) / 1e3;
}

/** Seconds for as many blocks. @param {string} program @param {string} port @param {string} test */
function redisBenchmark(program, port, test) {
  const count = String(content.blocks);
  const args = [
    ...["--cluster", "-p", port, "-t", test, "--csv"],
    ...["-d", String(SEALED_BYTES), "-n", count, "-r", count, "-c", String(CLIENTS)],
  ];
  const output = execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const perSecond = Number(new RegExp(`"${test}","([\\d.]+)"`, "i").exec(output)?.[1]);
  if (!(perSecond > 0)) throw new Error(`redis-benchmark said ${output}`);
  return content.blocks / perSecond;
}

/** @param {string} server */
async function bench(server) {
  const cluster = await startRedisCluster(server);
  try {
    await compare(cluster, join(dirname(server), "redis-benchmark"));
  } finally {
    await cluster.close();
  }
}

/** @param {import("../test/support/redis-cluster.mjs").RedisCluster} cluster @param {string} program */
async function compare(cluster, program) {
  const port = cluster.nodes[0]?.split(":")[1] ?? "";
  const { blocks, close } = await openRedisStore({
    nodes: cluster.nodes,
    deadlineMs: 10_000,
    clock: systemClock,
  });
  const empty = () => Promise.all(cluster.masters.map((node) => node.ask("FLUSHALL")));
  const round = async () => {
    await empty();
    const set = redisBenchmark(program, port, "set");
    const get = redisBenchmark(program, port, "get");
    await empty();
    const put = await timed(
      (n) => content.put(blocks, n),
      () => blocks.flush(),
    );
    let bytes = 0;
    const read = await timed(async (n) => {
      const { index, segment } = content.placeOf(n);
      const block = await blocks.getBlock(segment.id, index);
      bytes += block?.data.length ?? 0;
    });
    if (bytes !== content.bytes) throw new Error(`${bytes} bytes read`);
    return { set, get, put, read };
  };
  // One round that counts for nothing: until then our code is not compiled.
  await round();
  await content.check(blocks);
  /** @type {Awaited<ReturnType<typeof round>>[]} */
  const took = [];
  for (let n = 0; n < rounds; n++) took.push(await round());
  await close();
  for (const [ours, theirs, what] of /** @type {const} */ ([
    ["put", "set", "put and flush to one replica"],
    ["read", "get", "get, checksum checked"],
  ])) {
    const middle = (/** @type {"put" | "set" | "read" | "get"} */ kind) =>
      rate(content.bytes, median(took.map((one) => one[kind])));
    report.ratio({
      what,
      ours: middle(ours),
      reference: `redis-benchmark ${theirs.toUpperCase()}, ${middle(theirs)}`,
      ratios: took.map((one) => one[theirs] / one[ours]),
    });
  }
}

const server = findProgram("redis-server");
if (server === undefined) report.skipped("all of it", "redis-server is not installed");
else await bench(server);
