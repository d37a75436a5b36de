// @ts-check
/**
 * A hosted cache as a whole: a `branchcached` in mode hosted-server with its cache on disk, filled by an offer and then
 * read through its port by one client and by four at once, who decrypt and verify; beside as many `curl` of the same
 * bytes from nginx. `node bench/hosted-cache.js [MiB] [runs]`, after a build; 1,024 MiB and 5 runs unless told.
 *
 * Each run stands between two of `openssl dgst` over a file of the same size. Server time and memory are of Linux.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startProcess } from "@branchcache/cli/testing";
import {
  batchedOffer,
  contentTag,
  HASH_ALGORITHMS,
  headerOf,
  MAX_DESCRIPTORS,
  OFFER_PATH_V2,
} from "@branchcache/hosted-cache";
import { encode, parseEndpoint } from "@branchcache/runtime";
import { processUse } from "./process-use.js";
import { curlRow, paired, runClient, startPeer, writeContent } from "./retrieval.js";
import { benchSegments } from "./retrieval-content.js";

const run = promisify(execFile);
const [megabytes = 1_024, runs = 5] = process.argv.slice(2).map(Number);
const bytes = megabytes * 1_048_576;
const CLIENTS = [1, 4];
const dist = join(import.meta.dirname, "..", "packages", "cli", "dist");

const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-hosted-"));
try {
  await bench();
} finally {
  await rm(directory, { recursive: true, force: true });
}

/** @typedef {Awaited<ReturnType<typeof paired>> & { clients: number, server?: { rssMb: number, anonymousMb: number, cpuSeconds: number } }} Row */

async function bench() {
  const file = join(directory, "content");
  await writeContent(file, bytes);
  /** @type {Row[]} */
  const rows = [];
  for (const version of /** @type {const} */ ([1, 2])) rows.push(...(await hostedRows(version, file)));
  for (const clients of CLIENTS) {
    const row = await curlRow(directory, file, runs, clients);
    if (row) rows.push({ ...row, clients });
    else console.log("curl from nginx: skipped, one of them is not installed");
  }
  print(rows);
}

/** @param {1 | 2} version of the content @param {string} file @returns {Promise<Row[]>} */
async function hostedRows(version, file) {
  const state = join(directory, `v${version}`);
  await mkdir(state);
  const daemon = await startProcess([
    process.execPath,
    join(dist, "branchcached.js"),
    ...["--mode", "hosted-server", "--socket", join(state, "api.sock"), "--log-format", "json"],
    ...["--cache-dir", join(state, "cache"), "--secret-file", join(directory, "secret")],
    ...["--cache-size", String(2 * bytes + 2 ** 28), "--set", "peer.listen_address=127.0.0.1"],
    ...["--set", "hosted_server.http_port=0", "--set", "hosted_server.https=false"],
    ...["--set", "hosted_server.allow_own_addresses=true", "--set", "metrics.listen=127.0.0.1:0"],
  ]);
  try {
    const { http = "" } = await daemon.event("hosted.serving");
    const port = parseEndpoint(http)?.port ?? 0;
    await fill(version, port, join(state, "control.sock"));
    await runClient(version, bytes, "check", [String(port)]);
    const rows = [];
    for (const clients of CLIENTS) {
      const before = await processUse(daemon.pid);
      const name = `hosted cache, V${version}`;
      const row = await paired(name, runs, version === 1 ? "sha256" : "sha512", file, async () => {
        const all = await Promise.all(
          Array.from({ length: clients }, () => runClient(version, bytes, "time", [String(port)])),
        );
        return { seconds: Math.max(...all.map((each) => each.seconds)) / clients };
      });
      const after = await processUse(daemon.pid);
      const cpuSeconds = (after.cpuSeconds - before.cpuSeconds) / (runs * clients);
      rows.push({ ...row, clients, server: { ...after, cpuSeconds } });
    }
    return rows;
  } finally {
    await daemon.stop();
  }
}

/**
 * Offers everything, and waits until the daemon has pulled it.
 * @param {1 | 2} version @param {number} port @param {string} control socket
 */
async function fill(version, port, control) {
  const peer = await startPeer(version);
  const segments = benchSegments(version, bytes);
  const header = headerOf(2, 3, Number(peer.port));
  for (let at = 0; at < segments.length; at += MAX_DESCRIPTORS) {
    const body = encode(batchedOffer, {
      header,
      segments: segments.slice(at, at + MAX_DESCRIPTORS).map((segment) => ({
        blockSizeBytes: segment.blockSizeBytes,
        lengthBytes: segment.lengthBytes,
        contentTagBytes: 16,
        contentTag: contentTag("bench"),
        hashAlgorithm: HASH_ALGORITHMS[version === 1 ? "sha256" : "sha512-truncated"],
        segmentId: segment.id,
      })),
    });
    const { status } = await fetch(`http://127.0.0.1:${port}${OFFER_PATH_V2}`, {
      method: "POST",
      body: new Uint8Array(body),
    });
    if (status !== 200) throw new Error(`an offer was answered with ${status}`);
  }
  const status = [join(dist, "branchcache.js"), "status", "--json"];
  const env = { ...process.env, BRANCHCACHE_CONTROL_SOCKET: control };
  for (let held = 0, same = 0, last = 0; held < bytes; last = held) {
    // A small cache is warned about, with an exit status of its own.
    const { stdout } = await run(process.execPath, status, { env }).catch((error) => error);
    held = JSON.parse(stdout).cache.data.active_bytes;
    same = held === last ? same + 1 : 0;
    if (same > 60) throw new Error(`the cache pulled ${held} of ${bytes} bytes, and no more`);
  }
  await peer.stop();
}

/** @param {readonly Row[]} rows */
function print(rows) {
  console.log(`A hosted cache with ${megabytes} MiB, median of ${runs}`);
  console.table(
    rows.map(({ clients, digest, name, ratio, seconds, server }) => {
      const curl = rows.find((row) => row.clients === clients && row.name.includes("curl"));
      return {
        what: name,
        clients,
        "MiB/s in all": Math.round(megabytes / seconds),
        "of openssl": `${ratio.toFixed(2)} (${digest})`,
        "of curl": curl ? (curl.seconds / seconds).toFixed(2) : "",
        "server CPU s per GiB": server ? ((server.cpuSeconds * 1_024) / megabytes).toFixed(2) : "",
        "server MB (anonymous)": server
          ? `${server.rssMb.toFixed(0)} (${server.anonymousMb.toFixed(0)})`
          : "",
      };
    }),
  );
}
