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
import { execFile, spawn, spawnSync } from "node:child_process";
import { createCipheriv } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freeUdpPort, startProcess } from "@branchcache/cli/testing";
import { processUse } from "./process-use.js";

/** @typedef {import("@branchcache/cli/testing").BackgroundProcess} BackgroundProcess */

const run = promisify(execFile);
const [megabytes = 1_024, runs = 3] = process.argv.slice(2).map(Number).filter(Number.isFinite);
const profileAt = process.argv.indexOf("--profile");
const profiles = profileAt < 0 ? undefined : process.argv[profileAt + 1];
const bytes = megabytes * 1_048_576;
const dist = join(import.meta.dirname, "..", "packages", "cli", "dist");

const directory = await mkdtemp(join(tmpdir(), "branchcache-bench-get-"));
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

  const cacheLimit = String(2 * bytes + 2 ** 28);
  const server = await start("branchcache", [
    ...["serve", root, "--listen", "127.0.0.1:0", "--log-format", "json"],
    ...["--cache-dir", join(directory, "server"), "--secret-file", join(directory, "secret")],
  ]);
  const url = `${(await server.event("service.started"))["url"]}content`;
  await run(process.execPath, [
    join(dist, "branchcache.js"),
    "publish",
    file,
    "--cache-dir",
    join(directory, "server"),
  ]).catch(() => undefined);

  const discoveryPort = String(await freeUdpPort());
  /** @param {string} name @param {string[]} more */
  const daemon = async (name, more = []) => {
    const started = await start("branchcached", [
      ...["--listen", "127.0.0.1:0", "--interface", "127.0.0.1", "--discovery-port", discoveryPort],
      ...["--cache-dir", join(directory, name), "--socket", join(directory, `${name}.sock`)],
      ...["--cache-size", cacheLimit, "--log-format", "json", "--log-level", "info", ...more],
    ]);
    await started.event("service.started");
    return started;
  };
  const giver = await daemon("giver");

  for (const version of ["1", "2"]) {
    const filled = await get("giver", url, version);
    if (filled.report.bytes.origin !== bytes) throw new Error("the first download is not from the origin");
    const digest = version === "1" ? "sha256" : "sha512";
    const rows = [];
    const giverBefore = await processUse(giver.pid);
    for (let i = 0; i < runs; i++) {
      await rm(join(directory, "taker"), { recursive: true, force: true });
      const taker = await daemon("taker");
      const before = await openssl(digest, file);
      await warmMemory();
      const atStart = await processUse(taker.pid);
      const got = await get("taker", url, version);
      if (i === 0) await run("cmp", [file, join(directory, "output")]);
      const took = used(await processUse(taker.pid), atStart);
      const after = await openssl(digest, file);
      if (got.report.bytes.peer !== bytes)
        throw new Error(`not all from the peer: ${JSON.stringify(got.report)}`);
      await taker.stop();
      running.pop();
      rows.push({ ratio: (before + after) / 2 / got.seconds, got, took });
    }
    const gave = used(await processUse(giver.pid), giverBefore, runs);
    rows.sort((a, b) => a.got.seconds - b.got.seconds);
    const middle = rows[rows.length >> 1];
    if (!middle) continue;
    const { got, ratio, took } = middle;
    const title = `get, V${version}`;
    print(title, got.seconds, `${ratio.toFixed(2)} of ${digest}`, {
      get: got,
      "its daemon": took,
      "the peer": gave,
    });
    await warmMemory();
    const ownBefore = await processUse(giver.pid);
    const local = await get("giver", url, version);
    const own = used(await processUse(giver.pid), ownBefore);
    print(`get from the own cache, V${version}`, local.seconds, "", { get: local, "its daemon": own });
  }
  await curl(root, file);
}

/** @typedef {Awaited<ReturnType<typeof processUse>>} Use */

/** What a process that runs already used for one download; of memory, what it has. @param {Use} now @param {Use} before */
function used(now, before, downloads = 1) {
  return { ...now, cpuSeconds: (now.cpuSeconds - before.cpuSeconds) / downloads };
}

/**
 * Seconds of the processors are for a GiB.
 * @param {string} what @param {number} seconds @param {string} ratio @param {Readonly<Record<string, Use>>} uses
 */
function print(what, seconds, ratio, uses) {
  const each = Object.entries(uses).map(([who, { rssMb, anonymousMb, cpuSeconds }]) => {
    const memory = `${rssMb.toFixed(0)} MB (${anonymousMb.toFixed(0)} anonymous)`;
    return `${who} ${((cpuSeconds * 1_024) / megabytes).toFixed(1)} s a GiB, ${memory}`;
  });
  console.log(
    [`${what}: ${Math.round(megabytes / seconds)} MiB/s`, ratio, ...each].filter(Boolean).join("; "),
  );
}

/** Its use shortly before its end. @param {import("node:child_process").ChildProcess} child @returns {() => Use} */
function watch(child) {
  let last = { rssMb: 0, anonymousMb: 0, cpuSeconds: 0 };
  const timer = setInterval(async () => {
    const now = await processUse(child.pid ?? 0).catch(() => undefined);
    if (now) last = now;
  }, 20);
  child.once("close", () => clearInterval(timer));
  return () => last;
}

/** @param {"branchcache" | "branchcached"} program @param {string[]} args */
async function start(program, args) {
  const profile = profiles ? ["--cpu-prof", `--cpu-prof-dir=${profiles}`] : [];
  const started = await startProcess([process.execPath, ...profile, join(dist, `${program}.js`), ...args]);
  running.push(started);
  return started;
}

/** @param {string} name @param {string} url @param {string} version */
async function get(name, url, version) {
  const profile = profiles ? ["--cpu-prof", `--cpu-prof-dir=${profiles}`] : [];
  // A file that is there is overwritten in memory that the system has at hand.
  await rm(join(directory, "output"), { force: true });
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...[
        ...profile,
        join(dist, "branchcache.js"),
        "get",
        url,
        "-o",
        join(directory, "output"),
        "--json",
        "--quiet",
      ],
      ...["--socket", join(directory, `${name}.sock`), "--max-version", version],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let text = "";
  const use = watch(child);
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`get ended with ${code}`);
  return { ...use(), seconds: (performance.now() - started) / 1_000, report: JSON.parse(text) };
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

/** @param {string} digest @param {string} file */
async function openssl(digest, file) {
  const started = performance.now();
  await run("openssl", ["dgst", `-${digest}`, file]);
  return (performance.now() - started) / 1_000;
}

/** @param {string} root @param {string} file */
async function curl(root, file) {
  const nginx = ["/usr/sbin/nginx", "/usr/bin/nginx"].find((path) => spawnSync(path, ["-v"]).status === 0);
  if (!nginx) return console.log("curl from nginx: skipped, nginx is not installed");
  const port = 20_000 + (process.pid % 20_000);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${join(directory, kind)};`)
    .join(" ");
  const config = join(directory, "nginx.conf");
  await writeFile(
    config,
    `pid ${join(directory, "nginx.pid")}; daemon off; error_log stderr crit; worker_processes 1;
     ${process.getuid?.() === 0 ? "user root;" : ""}
     events {} http { access_log off; sendfile on; ${temporary}
     server { listen 127.0.0.1:${port}; root ${root}; } }`,
  );
  const child = spawn(nginx, ["-p", directory, "-e", "stderr", "-c", config], { stdio: "ignore" });
  try {
    const times = [];
    const output = join(directory, "output");
    const wait = ["--retry", "20", "--retry-connrefused", "--retry-delay", "1"];
    for (let i = 0; i < runs + 1; i++) {
      await rm(output, { force: true });
      await warmMemory();
      const started = performance.now();
      const args = ["--silent", "--fail", ...wait, "--output", output, `http://127.0.0.1:${port}/content`];
      const fetching = spawn("curl", args, { stdio: "ignore" });
      const use = watch(fetching);
      const [code] = await once(fetching, "close");
      if (code !== 0) throw new Error(`curl ended with ${code}`);
      times.push({ seconds: (performance.now() - started) / 1_000, use: use() });
    }
    await run("cmp", [file, output]);
    const took = times.slice(1).sort((a, b) => a.seconds - b.seconds)[runs >> 1];
    if (took) print("curl from nginx into a file, unverified", took.seconds, "", { curl: took.use });
  } finally {
    child.kill();
    await once(child, "exit");
  }
}
