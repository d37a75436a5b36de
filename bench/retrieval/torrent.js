// @ts-check
/** The same file by BitTorrent on loopback: `aria2c` from one seed of its own, by a tracker of a few lines. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const SEED_PORT = 20_000 + ((process.pid * 2) % 20_000);
const alone = [
  "--quiet",
  "--enable-dht=false",
  "--bt-enable-lpd=false",
  "--enable-peer-exchange=false",
  "--disable-ipv6=true",
  "--file-allocation=none",
];

/** Tells everybody who else was there. */
async function startTracker() {
  /** @type {Set<string>} */
  const peers = new Set();
  /** @type {(() => void) | undefined} */
  let onFirst;
  const seeded = new Promise((resolve) => {
    onFirst = () => resolve(undefined);
  });
  const server = createServer((request, response) => {
    const port = Number(new URL(request.url ?? "/", "http://localhost").searchParams.get("port"));
    const self = Buffer.from([127, 0, 0, 1, port >> 8, port & 255]).toString("latin1");
    const others = [...peers].filter((peer) => peer !== self).join("");
    peers.add(self);
    response.end(Buffer.from(`d8:intervali60e5:peers${others.length}:${others}e`, "latin1"));
    onFirst?.();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/announce`;
  return { url, seeded, close: () => server.close() };
}

/**
 * A seed of this file; undefined where aria2 or mktorrent is not installed.
 * @param {string} file
 */
export async function startTorrent(file) {
  const torrent = `${file}.torrent`;
  const tracker = await startTracker();
  try {
    await run("aria2c", ["--version"]);
    await run("mktorrent", ["-l", "20", "-a", tracker.url, "-o", torrent, file]);
  } catch {
    tracker.close();
    return undefined;
  }
  const seed = spawn(
    "aria2c",
    [
      ...alone,
      "--seed-ratio=0",
      "--bt-seed-unverified=true",
      `--listen-port=${SEED_PORT}`,
      `--dir=${dirname(file)}`,
      torrent,
    ],
    { stdio: "ignore" },
  );
  const gone = once(seed, "exit");
  await Promise.race([tracker.seeded, gone]);
  const target = join(dirname(file), "fetched");
  return {
    /** Seconds from the start of the client to its end, the file's hashes checked. */
    async fetch() {
      await mkdir(target, { recursive: true });
      const start = performance.now();
      await run("aria2c", [
        ...alone,
        "--seed-time=0",
        `--listen-port=${SEED_PORT + 1}`,
        `--dir=${target}`,
        torrent,
      ]);
      const seconds = (performance.now() - start) / 1_000;
      await rm(join(target, basename(file)));
      return seconds;
    },
    async stop() {
      seed.kill();
      await gone;
      tracker.close();
      await rm(target, { recursive: true, force: true });
    },
  };
}
