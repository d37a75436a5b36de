// @ts-check
/**
 * The daemon at rest, and how soon it is there, beside Node.js alone: `node bench/daemon.js [segments] [seconds]`, 100,000
 * segments and 30 s at rest unless told; the limits are for a million segments. Linux, since it reads /proc.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { startProcess } from "@branchcache/cli/testing";
import { systemClock } from "@branchcache/runtime/node";
import { command } from "../test/support/commands.mjs";
import { secondsOf } from "./support/openssl.js";
import { processUse } from "./support/process-use.js";
import { duration, startReport } from "./support/report.js";
import { putSmallSegment } from "./support/small-segments.js";

const segments = Number(process.argv[2] ?? 100_000);
const restSeconds = Number(process.argv[3] ?? 30);
const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-daemon-"));
const report = startReport(import.meta.filename, `${segments} segments, ${restSeconds} s at rest`);

/** @param {string} path */
async function fill(path) {
  const stores = await openLmdbStore({ path, clock: systemClock, limitBytes: 2 ** 34 });
  for (let n = 0; n < segments; n++) await putSmallSegment(stores.blocks, n);
  await stores.close();
}

/** @param {string} name @param {string} cache @param {number} held segments that it has to find there */
async function start(name, cache, held) {
  const file = join(directory, `${name}.json`);
  const settings = {
    mode: "distributed",
    peer: { listen_address: "127.0.0.1", listen_port: 0, interfaces: ["127.0.0.1"] },
    discovery: { port: 13_704 },
    api: { socket: join(directory, `${name}.sock`) },
    metrics: { listen: "127.0.0.1:0" },
    cache: { data: { path: cache, max_bytes: "16GiB" } },
    content_server: { secret_file: join(directory, "secret") },
  };
  await writeFile(file, JSON.stringify(settings));
  const startMs = performance.now();
  const daemon = await startProcess(command("branchcached", "--stop-at-eof", "--config", file));
  const { metrics: url = "" } = await daemon.event("service.started");
  const seconds = (performance.now() - startMs) / 1e3;
  const loaded = await daemon.event("cache.loaded");
  if (Number(loaded["segments"]) !== held) throw new Error(`${loaded["segments"]} segments loaded`);
  return { daemon, seconds, url, loadedSeconds: Number(loaded["elapsed_ms"]) / 1e3 };
}

async function bench() {
  const empty = await start("empty", join(directory, "empty"), 0);
  const page = await (await fetch(empty.url)).text();
  if (!page.includes("saved today")) throw new Error("no dashboard");
  await sleep(Math.min(restSeconds, 5) * 1_000);
  const before = await processUse(empty.daemon.pid);
  await sleep(restSeconds * 1_000);
  const after = await processUse(empty.daemon.pid);
  await empty.daemon.stop();
  const share = (100 * (after.cpuSeconds - before.cpuSeconds)) / restSeconds;
  report.figure({
    what: "at rest, resident after the page was shown",
    value: before.residentMB,
    unit: "MB",
    limit: 100,
  });
  report.figure({ what: "at rest, of a core", value: share, unit: "%", limit: 0.5 });
  report.note(
    `  resident ${restSeconds} s later ${after.residentMB.toFixed(0)} MB, at most ${after.mostResidentMB.toFixed(0)}`,
  );

  const cache = join(directory, "full");
  await fill(cache);
  const bareSeconds = await secondsOf(process.execPath, ["-e", "0"]);
  const full = await start("full", cache, segments);
  const { residentMB } = await processUse(full.daemon.pid);
  await full.daemon.stop();
  report.ratio({
    what: `from its start until it serves, ${segments} segments`,
    ours: duration(full.seconds),
    reference: `Node.js alone, ${duration(bareSeconds)}`,
    ratios: [bareSeconds / full.seconds],
  });
  report.figure({
    what: `from its start until it serves, ${segments} segments`,
    value: full.seconds * 1e3,
    unit: "ms",
    limit: 1_000,
  });
  report.note(
    `  of which the cache ${duration(full.loadedSeconds)}; ${residentMB.toFixed(0)} MB; with an empty cache ${duration(empty.seconds)}`,
  );
}

try {
  await bench();
} finally {
  await rm(directory, { recursive: true, force: true });
}
