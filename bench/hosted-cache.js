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
import { benchSegments } from "./retrieval/content.js";
import { curlSeconds, runClient, startPeer, together, writeContent } from "./retrieval/processes.js";
import { againstOpenssl, digestOf } from "./support/openssl.js";
import { processUse } from "./support/process-use.js";
import { rate, startReport } from "./support/report.js";

const run = promisify(execFile);
const [megabytes = 1_024, runs = 5] = process.argv.slice(2).map(Number);
const bytes = megabytes * 1_048_576;
const CLIENTS = [1, 4];
const dist = join(import.meta.dirname, "..", "packages", "cli", "dist");

const report = startReport(import.meta.filename, `a cache with ${megabytes} MiB, ${runs} runs`);

const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-hosted-"));
try {
  await bench();
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function bench() {
  const file = join(directory, "content");
  await writeContent(file, bytes);
  const curl = await curlSeconds(file, runs, CLIENTS);
  if (curl === undefined) report.skipped("beside curl from nginx", "one of them is not installed");
  for (const version of /** @type {const} */ ([1, 2])) await measure(version, file, curl ?? []);
}

/**
 * @param {1 | 2} version of the content
 * @param {string} file
 * @param {readonly number[]} curl seconds for each number of clients
 */
async function measure(version, file, curl) {
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
    for (const [index, clients] of CLIENTS.entries()) {
      const before = await processUse(daemon.pid);
      const digest = digestOf(version);
      const { ratios, referenceSeconds, seconds } = await againstOpenssl(digest, file, runs, () =>
        together(clients, () => runClient(version, bytes, "time", [String(port)])),
      );
      const { anonymousMB, cpuSeconds, mostResidentMB } = await processUse(daemon.pid);
      const [what, ours] = [
        `V${version}, ${clients === 1 ? "one client" : `${clients} clients, together`}`,
        rate(bytes, seconds),
      ];
      report.ratio({ what, ours, reference: `openssl ${digest}, ${rate(bytes, referenceSeconds)}`, ratios });
      const curlTook = curl[index];
      if (curlTook !== undefined) {
        report.ratio({
          what,
          ours,
          reference: `as many curl from nginx, nothing verified, ${rate(bytes, curlTook)}`,
          ratios: [curlTook / seconds],
        });
      }
      const perGiB = ((cpuSeconds - before.cpuSeconds) * 1_024) / (runs * clients * megabytes);
      report.note(
        `  daemon: ${perGiB.toFixed(2)} CPU s a GiB, most ${mostResidentMB.toFixed(0)} MB, of which ${anonymousMB.toFixed(0)} are not of files`,
      );
    }
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
