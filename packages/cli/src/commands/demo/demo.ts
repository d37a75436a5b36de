import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Explanation } from "@branchcache/peer-node";
import { BranchCacheError, formatEndpoint } from "@branchcache/runtime";
import { Resources } from "../../resources.ts";
import { printLines } from "../../terminal/output.ts";
import { table } from "../../terminal/table.ts";
import { formatBytes, formatDuration, formatShare } from "../../terminal/units.ts";
import { freeUdpPort } from "./free-udp-port.ts";
import { newVersion } from "./new-version.ts";
import { type BackgroundProcess, cliCommand, runProcess, startProcess } from "./processes.ts";

export interface DemoOptions {
  readonly file: string;
  readonly keep?: true;
}

/** What one node's `get --json` said, and whether the file was the right one. */
interface Transfer {
  readonly node: string;
  readonly elapsedMs: number;
  readonly lengthBytes: number;
  readonly bytes: {
    readonly local: number;
    readonly peer: number;
    readonly hosted: number;
    readonly origin: number;
  };
  /** Nodes that gave something, most first. */
  readonly givers: readonly string[];
  readonly verified: boolean;
}

export async function runDemo(options: DemoOptions): Promise<void> {
  const { size } = await stat(options.file);
  if (size < MIN_FILE_BYTES) {
    throw new BranchCacheError(
      "BC_USAGE",
      `${options.file} has ${formatBytes(size)}: the demo wants at least ${formatBytes(MIN_FILE_BYTES)}`,
    );
  }
  await using resources = new Resources();
  const directory = await mkdtemp(join(tmpdir(), "branchcache-demo-"));
  resources.defer(async () => {
    if (options.keep) say(`Left behind: ${directory}`);
    else await rm(directory, { recursive: true, force: true });
  });
  const demo = new Demo(directory, options.file, resources);
  say(`Content: ${options.file}, ${formatBytes(size)}\n`);

  await demo.start();
  say("Version 1: nobody has it, and the server has not hashed it yet.");
  const first = await demo.everybodyGets();
  say(`\n${transferTable(first)}\n`);

  say("Version 2: bytes inserted at a third, changed in the middle, appended at the end.");
  await demo.changeFile();
  const second = await demo.everybodyGets();
  say(`\n${transferTable(second)}\n`);

  const failures = [
    ...first.filter((transfer) => !transfer.verified).map(({ node }) => `${node} got a wrong version 1`),
    ...second.filter((transfer) => !transfer.verified).map(({ node }) => `${node} got a wrong version 2`),
    ...first.slice(1).flatMap((transfer) => tooMuch(transfer, FIRST_SHARE_MAX, 1)),
    ...second.slice(2).flatMap((transfer) => tooMuch(transfer, SECOND_SHARE_MAX, 2)),
  ];
  if (failures.length > 0) throw new BranchCacheError("BC_DEMO_FAILED", failures.join("; "));
  const total = [...first, ...second].reduce((sum, transfer) => sum + transfer.lengthBytes, 0);
  const origin = [...first, ...second].reduce((sum, transfer) => sum + transfer.bytes.origin, 0);
  say(`Of ${formatBytes(total)} that the branch wanted, ${formatBytes(origin)} came from the origin.`);
}

class Demo {
  readonly #directory: string;
  readonly #source: string;
  readonly #resources: Resources;
  readonly #name: string;
  #url = "";
  #sha256 = "";
  /** Where each node serves, to its name. */
  readonly #nodes = new Map<string, string>();
  #version = 1;

  constructor(directory: string, source: string, resources: Resources) {
    this.#directory = directory;
    this.#source = source;
    this.#resources = resources;
    this.#name = basename(source);
  }

  get #published(): string {
    return join(this.#directory, "www", this.#name);
  }

  async start(): Promise<void> {
    await mkdir(join(this.#directory, "www"));
    await copyFile(this.#source, this.#published);
    this.#sha256 = await sha256Of(this.#published);
    const server = await this.#background("serve", [
      "serve",
      join(this.#directory, "www"),
      "--listen",
      "127.0.0.1:0",
      ...this.#serverState(),
    ]);
    const { url } = await server.event("service.started");
    this.#url = `${url}${encodeURIComponent(this.#name)}`;
    say(`Content server: ${this.#url}`);
    const discoveryPort = String(await freeUdpPort());
    for (const node of NODES) {
      const daemon = await this.#background("daemon", [
        "--listen",
        "127.0.0.1:0",
        "--interface",
        "127.0.0.1",
        "--discovery-port",
        discoveryPort,
        // Everybody shares this one machine here, and may answer late.
        "--discovery-wait",
        "1s",
        "--cache-dir",
        join(this.#directory, `cache-${node}`),
        "--cache-size",
        "8GiB",
        "--socket",
        this.#socket(node),
        "--log-format",
        "json",
      ]);
      const { serving } = await daemon.event("service.started");
      this.#nodes.set(serving ?? "", node);
      say(`Node ${node}: serves peers at ${serving}`);
    }
    say("");
  }

  async changeFile(): Promise<void> {
    this.#version = 2;
    const next = `${this.#published}.next`;
    await pipeline(newVersion(this.#published, randomBytes), createWriteStream(next));
    await rename(next, this.#published);
    this.#sha256 = await sha256Of(this.#published);
    await runProcess(
      cliCommand("branchcache", ["publish", this.#published, "--cache-dir", this.#serverCache]),
    );
  }

  async everybodyGets(): Promise<readonly Transfer[]> {
    const transfers: Transfer[] = [];
    for (const node of NODES) transfers.push(await this.#get(node));
    return transfers;
  }

  async #get(node: string): Promise<Transfer> {
    const target = join(this.#directory, `${node}-${this.#version}`);
    const output = await runProcess(
      cliCommand("branchcache", [
        "get",
        this.#url,
        "-o",
        target,
        "--socket",
        this.#socket(node),
        "--explain",
        "--json",
      ]),
    );
    const report = JSON.parse(output);
    return {
      node,
      elapsedMs: report.elapsed_ms,
      lengthBytes: report.length_bytes,
      bytes: report.bytes,
      givers: this.#givers(report.explanation),
      verified: (await sha256Of(target)) === this.#sha256,
    };
  }

  #givers(explanation: Explanation | undefined): readonly string[] {
    return (explanation?.peers ?? [])
      .filter(({ bytes }) => bytes > 0)
      .sort((a, b) => b.bytes - a.bytes)
      .map(({ peer, bytes }) => {
        const name = peer.addresses.map((address) => this.#nodes.get(formatEndpoint(address))).find(Boolean);
        return `${name ?? "?"} ${formatBytes(bytes)}`;
      });
  }

  async #background(program: "serve" | "daemon", args: readonly string[]): Promise<BackgroundProcess> {
    const started = await startProcess(
      cliCommand(program === "daemon" ? "branchcached" : "branchcache", [...args, "--stop-at-eof"]),
    );
    this.#resources.defer(() => started.stop());
    return started;
  }

  get #serverCache(): string {
    return join(this.#directory, "server-cache");
  }

  #serverState(): readonly string[] {
    return [
      "--cache-dir",
      this.#serverCache,
      "--secret-file",
      join(this.#directory, "server-secret"),
      "--log-format",
      "json",
    ];
  }

  #socket(node: string): string {
    return process.platform === "win32"
      ? String.raw`\\.\pipe\${basename(this.#directory)}-${node}`
      : join(this.#directory, `${node}.sock`);
  }
}

function transferTable(transfers: readonly Transfer[]): string {
  return table(
    ["node", "time", "origin", "", "peers", "own cache", "SHA-256", "peers that gave"],
    transfers.map(({ node, elapsedMs, lengthBytes, bytes, givers, verified }) => [
      node,
      formatDuration(elapsedMs),
      formatBytes(bytes.origin),
      formatShare(bytes.origin, lengthBytes),
      formatBytes(bytes.peer),
      formatBytes(bytes.local),
      verified ? "verified" : "WRONG",
      givers.join(", "),
    ]),
    ["left", "right", "right", "right", "right", "right", "left", "left"],
  );
}

function tooMuch(transfer: Transfer, share: number, version: number): readonly string[] {
  const { node, bytes, lengthBytes } = transfer;
  if (bytes.origin <= share * lengthBytes) return [];
  return [
    `${node} took ${formatShare(bytes.origin, lengthBytes)} of version ${version} from the origin, ` +
      `at most ${100 * share} % expected`,
  ];
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest("hex");
}

const say = (line: string) => printLines([line]);

const NODES = ["A", "B", "C"] as const;
const MIN_FILE_BYTES = 1024 * 1024;
const FIRST_SHARE_MAX = 0.01;
const SECOND_SHARE_MAX = 0.15;
