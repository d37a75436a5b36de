// @ts-check
/**
 * What a user sees: `branchcache get` of a file that one `branchcached` on the link has, through the daemon of the
 * own machine, beside `curl` of the same file from nginx. Both daemons keep their cache on disk; the file lands on
 * disk too. `node bench/get.js [MiB] [runs]`, after a build; `--profile DIRECTORY` keeps processor profiles.
 *
 * Each run begins with an empty cache on the receiving side, and stands between two runs of `openssl dgst -sha256`.
 * Shortly before each, `curl` too, a file of three times the size is written and removed: a virtual machine whose host
 * takes unused memory back pays several times as much for a page that it has to ask the host for.
 */
import { execFile, spawn } from "node:child_process";
import { createCipheriv } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { freeUdpPort, startProcess } from "@branchcache/cli/testing";
import { command } from "../test/support/commands.mjs";
import { findProgram } from "../test/support/find-program.mjs";
import { startNginx } from "../test/support/nginx.mjs";
import { median } from "./support/median.js";
import { digestOf, opensslSeconds } from "./support/openssl.js";
import { processUse } from "./support/process-use.js";
import { rate, startReport } from "./support/report.js";

/** @typedef {import("@branchcache/cli/testing").BackgroundProcess} BackgroundProcess */
/** @typedef {import("./support/process-use.js").ProcessUse} ProcessUse */

/** Of a daemon that fetches, keeps and gives. */
const MEMORY_LIMIT_MB = 200;

const run = promisify(execFile);
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { profile: { type: "string" } },
});
const [megabytes = 1_024, runs = 3] = positionals.map(Number);
const profile = values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${values.profile}`];
const bytes = megabytes * 1_048_576;
const report = startReport(import.meta.filename, `a file of ${megabytes} MiB, ${runs} runs`);

const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-get-"));
const target = join(directory, "output");
/** @type {BackgroundProcess[]} */
const running = [];
try {
  await bench();
} finally {
  for (const each of running.reverse()) await each.stop();
  await rm(directory, { recursive: true, force: true });
}

async function bench() {
  const root = join(directory, "www");
  await mkdir(root);
  const file = join(root, "content");
  // No two segments alike: a store would keep them once.
  const noise = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16));
  const output = await open(file, "w");
  for (let i = 0; i < megabytes; i++) await output.write(noise.update(Buffer.alloc(1_048_576)));
  await output.close();

  const serverState = ["--cache-dir", join(directory, "server")];
  const server = await start("branchcache", [
    ...["serve", root, "--listen", "127.0.0.1:0", "--log-format", "json"],
    ...[...serverState, "--secret-file", join(directory, "secret")],
  ]);
  const url = `${(await server.event("service.started"))["url"]}content`;
  const [program, ...args] = command("branchcache", "publish", file, ...serverState);
  await run(program, args);

  const curl = await curlIntoFile(root, file);
  if (curl) {
    report.note(`curl from nginx: ${rate(bytes, curl.seconds)}; ${told({ curl: curl.use })}`);
  } else {
    report.skipped("beside curl from nginx", "one of them is not installed");
  }

  const discoveryPort = String(await freeUdpPort());
  const giver = await daemon("giver", discoveryPort);
  for (const version of /** @type {const} */ ([1, 2])) {
    const filled = await get("giver", url, version);
    if (filled.report.bytes.origin !== bytes) throw new Error("the first download is not from the origin");
    /** @param {string} what @param {number} seconds */
    const besideCurl = (what, seconds) => {
      if (!curl) return;
      report.ratio({
        what,
        ours: rate(bytes, seconds),
        reference: `curl from nginx into a file, ${rate(bytes, curl.seconds)}`,
        ratios: [curl.seconds / seconds],
      });
    };
    const fromPeer = await getFromPeer(giver, url, file, version, discoveryPort);
    report.ratio({
      what: `V${version} from a peer`,
      ours: rate(bytes, fromPeer.seconds),
      reference: `openssl ${digestOf(version)}, ${rate(bytes, fromPeer.opensslSeconds)}`,
      ratios: fromPeer.ratios,
    });
    besideCurl(`V${version} from a peer`, fromPeer.seconds);
    report.note(`  ${told(fromPeer.uses)}`);
    const own = await getFromOwnCache(giver, url, version);
    besideCurl(`V${version} from the own cache`, own.seconds);
    report.note(`  ${told(own.uses)}`);
    for (const [who, use] of Object.entries({
      "the daemon that fetches": fromPeer.uses["its daemon"],
      "the daemon that gives": own.uses["its daemon"],
    })) {
      report.figure({
        what: `V${version}, most resident memory of ${who}`,
        value: use.mostResidentMB,
        unit: "MB",
        limit: MEMORY_LIMIT_MB,
      });
    }
  }
}

/**
 * By a daemon whose cache is empty, time and again.
 * @param {BackgroundProcess} giver
 * @param {string} url
 * @param {string} file what is to come
 * @param {1 | 2} version
 * @param {string} discoveryPort
 */
async function getFromPeer(giver, url, file, version, discoveryPort) {
  const rows = [];
  const giverBefore = await processUse(giver.pid);
  for (let i = 0; i < runs; i++) {
    await rm(join(directory, "taker"), { recursive: true, force: true });
    const taker = await daemon("taker", discoveryPort);
    const before = await opensslSeconds(digestOf(version), file);
    await warmMemory();
    const atStart = await processUse(taker.pid);
    const got = await get("taker", url, version);
    if (i === 0) await run("cmp", [file, target]);
    const took = used(await processUse(taker.pid), atStart);
    const after = await opensslSeconds(digestOf(version), file);
    if (got.report.bytes.peer !== bytes) {
      throw new Error(`not all from the peer: ${JSON.stringify(got.report)}`);
    }
    await taker.stop();
    running.pop();
    rows.push({ got, took, opensslSeconds: (before + after) / 2 });
  }
  const gave = used(await processUse(giver.pid), giverBefore, runs);
  const byTime = rows.toSorted((a, b) => a.got.seconds - b.got.seconds);
  const middle = byTime[rows.length >> 1];
  if (middle === undefined) throw new Error("no run was asked for");
  return {
    seconds: middle.got.seconds,
    opensslSeconds: median(rows.map((row) => row.opensslSeconds)),
    ratios: rows.map((row) => row.opensslSeconds / row.got.seconds),
    uses: { get: middle.got.use, "its daemon": middle.took, "the peer": gave },
  };
}

/** @param {BackgroundProcess} giver @param {string} url @param {1 | 2} version */
async function getFromOwnCache(giver, url, version) {
  await warmMemory();
  const before = await processUse(giver.pid);
  const { seconds, use } = await get("giver", url, version);
  return { seconds, uses: { get: use, "its daemon": used(await processUse(giver.pid), before) } };
}

/** @param {string} name @param {string} discoveryPort */
async function daemon(name, discoveryPort) {
  const started = await start("branchcached", [
    ...["--listen", "127.0.0.1:0", "--interface", "127.0.0.1", "--discovery-port", discoveryPort],
    ...["--cache-dir", join(directory, name), "--socket", join(directory, `${name}.sock`)],
    ...["--cache-size", String(2 * bytes + 2 ** 28), "--log-format", "json", "--log-level", "info"],
  ]);
  await started.event("service.started");
  return started;
}

/**
 * What a process that runs already used for one download; of memory, what it has.
 * @param {ProcessUse} now @param {ProcessUse} before
 */
function used(now, before, downloads = 1) {
  return { ...now, cpuSeconds: (now.cpuSeconds - before.cpuSeconds) / downloads };
}

/** Seconds of the processors are for a GiB. @param {Readonly<Record<string, ProcessUse>>} uses */
function told(uses) {
  return Object.entries(uses)
    .map(([who, { anonymousMB, cpuSeconds, mostResidentMB }]) => {
      if (mostResidentMB === 0) return `${who} ended unseen`;
      const perGiB = ((cpuSeconds * 1_024) / megabytes).toFixed(1);
      return `${who} ${perGiB} CPU s a GiB, most ${mostResidentMB.toFixed(0)} MB (${anonymousMB.toFixed(0)} anonymous)`;
    })
    .join("; ");
}

/** @param {"branchcache" | "branchcached"} program @param {string[]} args */
async function start(program, args) {
  const [node, ...rest] = command(program, ...args);
  const started = await startProcess([node, ...profile, ...rest]);
  running.push(started);
  return started;
}

/** @param {string} name of the daemon @param {string} url @param {1 | 2} version */
async function get(name, url, version) {
  const [node, ...args] = command(
    "branchcache",
    ...["get", url, "-o", target, "--json", "--quiet"],
    ...["--socket", join(directory, `${name}.sock`), "--max-version", String(version)],
  );
  const { output, ...took } = await download([node, ...profile, ...args]);
  return { ...took, report: JSON.parse(output) };
}

/**
 * Runs what writes the file to its end; what it used is seen shortly before that.
 * @param {readonly [string, ...string[]]} line
 */
async function download([program, ...args]) {
  // A file that is there is overwritten in memory that the system has at hand.
  await rm(target, { force: true });
  const started = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  /** @type {ProcessUse} */
  let use = { mostResidentMB: 0, residentMB: 0, anonymousMB: 0, cpuSeconds: 0 };
  const timer = setInterval(async () => {
    use = await processUse(child.pid ?? 0).catch(() => use);
  }, 20);
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, "close");
  clearInterval(timer);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}`);
  return { output, use, seconds: (performance.now() - started) / 1_000 };
}

/** Leaves the system with memory enough for two copies of the content. */
async function warmMemory() {
  const path = join(directory, "memory");
  const output = await open(path, "w");
  const zeros = Buffer.alloc(2 * 1_048_576);
  for (let i = 0; i < 3 * bytes; i += zeros.length) await output.write(zeros);
  await output.close();
  await rm(path);
}

/** The median run after one that does not count; undefined where nginx or curl is not installed. @param {string} root @param {string} file */
async function curlIntoFile(root, file) {
  const [nginx, curl] = [findProgram("nginx"), findProgram("curl")];
  if (nginx === undefined || curl === undefined) return undefined;
  const server = await startNginx(
    nginx,
    (port) => `sendfile on; server { listen 127.0.0.1:${port}; root ${root}; }`,
  );
  try {
    const rows = [];
    for (let i = 0; i < runs + 1; i++) {
      await warmMemory();
      rows.push(await download([curl, "--silent", "--fail", "--output", target, `${server.url}/content`]));
    }
    await run("cmp", [file, target]);
    return rows.slice(1).sort((a, b) => a.seconds - b.seconds)[runs >> 1];
  } finally {
    await server[Symbol.asyncDispose]();
  }
}
