// @ts-check
/**
 * The daemon at rest, and how soon it is there: `node bench/daemon.js [segments] [seconds]`, 100,000 segments and 30 s at
 * rest if not told otherwise. Aims: less than 100 MB resident and 0.5 % of a core while nobody asks for anything; started
 * in a second with a cache of a million segments. Linux, since it reads /proc.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { systemClock } from "@branchcache/runtime/node";
import { processUse } from "./process-use.js";

const segments = Number(process.argv[2] ?? 100_000);
const seconds = Number(process.argv[3] ?? 30);
const directory = await mkdtemp(join(tmpdir(), "bench-daemon-"));
const program = fileURLToPath(new URL("../packages/cli/dist/branchcached.js", import.meta.url));

/** Puts so many segments of one small block each into the cache. @param {string} path */
async function fill(path) {
  const stores = await openLmdbStore({ path, clock: systemClock, limitBytes: 2 ** 34 });
  const block = { cipher: /** @type {const} */ (0), iv: new Uint8Array(0), data: new Uint8Array(100) };
  for (let n = 0; n < segments; n++) {
    const id = new Uint8Array(32);
    new DataView(id.buffer).setUint32(0, Math.imul(n, 2_654_435_761) >>> 0);
    new DataView(id.buffer).setUint32(4, n);
    const about = {
      lengthBytes: 100,
      blockSizeBytes: 100,
      tags: [],
      trust: /** @type {const} */ ("verified"),
    };
    await stores.blocks.putBlock({ id, cipher: 0, ...about }, 0, block);
  }
  await stores.close();
}

/** @param {string} name @param {string} cache */
async function start(name, cache) {
  const file = join(directory, `${name}.json`);
  const settings = {
    mode: "distributed",
    peer: { listen_address: "127.0.0.1", listen_port: 0, interfaces: ["127.0.0.1"] },
    discovery: { port: 37_020 },
    api: { socket: join(directory, `${name}.sock`) },
    metrics: { listen: "127.0.0.1:0" },
    cache: { data: { path: cache, max_bytes: "16GiB" } },
    content_server: { secret_file: join(directory, "secret") },
  };
  await writeFile(file, JSON.stringify(settings));
  const startMs = performance.now();
  const daemon = spawn(process.execPath, [program, "--stop-at-eof", "--config", file], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  /** @type {Record<string, any>} */
  const seen = {};
  for await (const line of createInterface({ input: daemon.stderr })) {
    const event = JSON.parse(line);
    seen[event.event] = event;
    if (event.event === "service.started") break;
  }
  if (!seen["service.started"]) throw new Error("the daemon did not start");
  return {
    pid: daemon.pid ?? 0,
    readyMs: performance.now() - startMs,
    loadedMs: Number(seen["cache.loaded"].elapsed_ms),
    segments: Number(seen["cache.loaded"].segments),
    url: String(seen["service.started"].metrics),
    async stop() {
      daemon.kill("SIGTERM");
      await once(daemon, "exit");
    },
  };
}

/** What it takes this machine to start Node.js at all. */
async function bareMs() {
  const startMs = performance.now();
  await once(spawn(process.execPath, ["-e", "0"]), "exit");
  return performance.now() - startMs;
}

/** Of now, and not the most that it ever was. @param {number} pid */
async function residentMb(pid) {
  const status = await readFile(`/proc/${pid}/status`, "latin1");
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024) / 1e6;
}

try {
  const empty = await start("empty", join(directory, "empty"));
  if (empty.segments !== 0) throw new Error("an empty cache has segments");
  const page = await (await fetch(empty.url)).text();
  if (!page.includes("saved today")) throw new Error("no dashboard");
  await sleep(Math.min(seconds, 5) * 1_000);
  const [before, atFirstMb] = [await processUse(empty.pid), await residentMb(empty.pid)];
  await sleep(seconds * 1_000);
  const after = await processUse(empty.pid);
  const share = (100 * (after.cpuSeconds - before.cpuSeconds)) / seconds;
  console.log(
    `at rest      ${atFirstMb.toFixed(0)} MB resident after the page was shown, ${(await residentMb(empty.pid)).toFixed(0)} MB ` +
      `${seconds} s later (asked: 100), at most ${((after.rssMb * 1_024 * 1_024) / 1e6).toFixed(0)}; ${share.toFixed(2)} % of a core (asked: 0.5)`,
  );
  await empty.stop();

  const cache = join(directory, "full");
  const fillMs = performance.now();
  await fill(cache);
  console.log(
    `             ${segments} segments put in ${((performance.now() - fillMs) / 1_000).toFixed(0)} s`,
  );
  const bare = await bareMs();
  const full = await start("full", cache);
  if (full.segments !== segments) throw new Error(`${full.segments} segments loaded`);
  console.log(
    `full cache   serves ${full.readyMs.toFixed(0)} ms after its start (asked: 1,000; empty ${empty.readyMs.toFixed(0)}, ` +
      `Node.js alone ${bare.toFixed(0)}); the cache itself ${full.loadedMs} ms; ${(await residentMb(full.pid)).toFixed(0)} MB`,
  );
  await full.stop();
} finally {
  await rm(directory, { recursive: true, force: true });
}
