// @ts-check
/**
 * One peer process serves, one client process fetches, decrypts and verifies, on loopback, against
 * `openssl dgst -sha256` of as many bytes: `node bench/retrieval.js [MiB] [rounds]`. The whole content is
 * compared once before anything is timed; the ratio is of the best rounds of one run. Aim: 0.5.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const sizeMiB = Number(process.argv[2] ?? 1024);
const rounds = Number(process.argv[3] ?? 3);
const totalBytes = sizeMiB * 2 ** 20;
/** Content comes in whole segments of version 1.0. */
if (!(sizeMiB > 0 && sizeMiB % 32 === 0)) throw new Error("the size is no multiple of 32 MiB");

/** @param {string} name */
const program = (name) => fileURLToPath(new URL(name, import.meta.url));
/** @param {number} seconds */
const rate = (seconds) => totalBytes / seconds / 1e6;

/** Seconds that openssl takes for zeros through a pipe, with one process for each end as in the measured run. */
function opensslSeconds() {
  const start = performance.now();
  execFileSync("sh", ["-c", `head -c ${totalBytes} /dev/zero | openssl dgst -sha256`]);
  return (performance.now() - start) / 1_000;
}

/**
 * @param {string} version
 * @param {"check" | "time"} mode
 * @param {number} port
 * @returns {{ seconds: number, maxRssMb: number, cpuSeconds: number }}
 */
function fetchAll(version, mode, port) {
  const args = [program("retrieval-client.js"), version, String(totalBytes), mode, String(port)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

console.log(
  `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}, ${sizeMiB} MiB, best of ${rounds}`,
);
for (const version of ["1", "2"]) {
  const peer = spawn(process.execPath, [program("retrieval-peer.js"), version], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(peer.stdout)[Symbol.asyncIterator]();
  const { port } = JSON.parse((await lines.next()).value);
  fetchAll(version, "check", port);
  let [best, openssl] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let peakMb = 0;
  for (let round = 0; round < rounds; round++) {
    openssl = Math.min(openssl, opensslSeconds());
    const { seconds, maxRssMb } = fetchAll(version, "time", port);
    best = Math.min(best, seconds);
    peakMb = Math.max(peakMb, maxRssMb);
  }
  peer.stdin.end();
  const used = JSON.parse((await lines.next()).value);
  if (peer.exitCode === null) await once(peer, "exit");
  console.log(
    `version ${version}.0: ${rate(best).toFixed(0)} MB/s, openssl SHA-256 ${rate(openssl).toFixed(0)} MB/s, ` +
      `ratio ${(openssl / best).toFixed(2)} (aim 0.5); ` +
      `peak client ${peakMb.toFixed(0)} MB, peer ${used.maxRssMb.toFixed(0)} MB`,
  );
}
