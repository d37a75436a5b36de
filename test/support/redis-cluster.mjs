// @ts-check
/** A cluster of three masters and three replicas on loopback, for tests and benchmarks. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { onFreePorts, until } from "./free-ports.mjs";

const run = promisify(execFile);
const MASTERS = 3;
const SLOTS = 16384;
/** A node that is silent for so long is failed over; machines that run tests are busy. */
const NODE_TIMEOUT_MS = 1500;

/**
 * @typedef {object} RedisNode
 * @property {number} port
 * @property {"master" | "replica"} role as it was made
 * @property {(...command: string[]) => Promise<string>} ask one thing, with redis-cli; gives what it prints
 * @property {(signal: NodeJS.Signals) => void} signal
 */

/**
 * @typedef {AsyncDisposable & {
 *   readonly nodes: readonly string[],
 *   readonly masters: readonly RedisNode[],
 *   readonly replicas: readonly RedisNode[],
 *   whole(): Promise<void>,
 *   close(): Promise<void>,
 * }} RedisCluster `nodes` are `127.0.0.1:port`, masters first; `whole` resolves once so many masters answer for all slots
 */

/**
 * Three masters and three replicas on loopback, without files of their own.
 * @param {string} program
 * @param {readonly string[]} settings for every node, as on redis-server's command line
 * @returns {Promise<RedisCluster>}
 */
export async function startRedisCluster(program, settings = []) {
  const directory = await mkdtemp(join(tmpdir(), "redis-cluster-"));
  const cli = join(dirname(program), "redis-cli");
  const nodes = await Promise.all(
    Array.from({ length: 2 * MASTERS }, () => startNode({ program, cli, directory, settings })),
  );
  const masters = nodes.slice(0, MASTERS).map((node) => ({ ...node, role: /** @type {const} */ ("master") }));
  const replicas = nodes.slice(MASTERS).map((node) => ({ ...node, role: /** @type {const} */ ("replica") }));
  const all = [...masters, ...replicas];

  /** @param {readonly { ask(...command: string[]): Promise<string> }[]} asked @param {number} size */
  const agreed = async (asked, size) => {
    for (const node of asked) {
      await until(async () => {
        const info = await node.ask("CLUSTER", "INFO").catch(() => "");
        return (
          info.includes("cluster_state:ok") &&
          info.includes(`cluster_slots_ok:${SLOTS}`) &&
          info.includes(`cluster_size:${MASTERS}`) &&
          Number(/cluster_known_nodes:(\d+)/.exec(info)?.[1]) >= size
        );
      });
    }
  };

  const close = async () => {
    await Promise.all(nodes.map((node) => node.end()));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const names = await Promise.all(masters.map((node) => node.ask("CLUSTER", "MYID")));
    for (const [i, node] of masters.entries()) {
      const [from, to] = [i, i + 1].map((share) => Math.floor((share * SLOTS) / MASTERS));
      await node.ask("CLUSTER", "SET-CONFIG-EPOCH", String(i + 1));
      await node.ask("CLUSTER", "ADDSLOTSRANGE", String(from), String((to ?? 0) - 1));
    }
    const [first] = masters;
    for (const node of all.slice(1)) {
      await first?.ask("CLUSTER", "MEET", "127.0.0.1", String(node.port), String(node.busPort));
    }
    await agreed(masters, all.length);
    for (const [i, node] of replicas.entries()) {
      await until(async () => (await node.ask("CLUSTER", "NODES")).includes(names[i] ?? "?"));
      await node.ask("CLUSTER", "REPLICATE", names[i] ?? "");
    }
    // Failed before this, a master is never replaced.
    for (const node of replicas) {
      await until(async () => (await node.ask("INFO", "replication")).includes("master_link_status:up"));
    }
    await agreed(all, all.length);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    nodes: all.map((node) => `127.0.0.1:${node.port}`),
    masters,
    replicas,
    whole: () =>
      agreed(
        all.filter((node) => node.isRunning()),
        2 * MASTERS,
      ),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * @typedef {object} RedisServer
 * @property {string} node `127.0.0.1:port`
 * @property {RedisNode["ask"]} ask
 * @property {() => Promise<void>} close
 */

/**
 * One server that is a cluster by itself, on loopback, without files of its own.
 * @param {string} program
 * @param {readonly string[]} settings as on redis-server's command line
 * @returns {Promise<RedisServer>}
 */
export async function startRedisServer(program, settings = []) {
  const directory = await mkdtemp(join(tmpdir(), "redis-server-"));
  const cli = join(dirname(program), "redis-cli");
  const node = await startNode({ program, cli, directory, settings });
  await node.ask("CLUSTER", "ADDSLOTSRANGE", "0", String(SLOTS - 1));
  await until(async () => (await node.ask("CLUSTER", "INFO")).includes("cluster_state:ok"));
  return {
    node: `127.0.0.1:${node.port}`,
    ask: node.ask,
    async close() {
      await node.end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** @typedef {{ program: string, cli: string, directory: string, settings: readonly string[] }} Place */

/** @param {Place} place */
function startNode(place) {
  return onFreePorts(2, (port, busPort) => startNodeOn(port, busPort, place));
}

/** @param {number} port @param {number} busPort @param {Place} place */
async function startNodeOn(port, busPort, { program, cli, directory, settings }) {
  const child = spawn(
    program,
    [
      ...[
        "--port",
        String(port),
        "--cluster-port",
        String(busPort),
        "--bind",
        "127.0.0.1",
        "--dir",
        directory,
      ],
      ...["--cluster-enabled", "yes", "--cluster-config-file", `nodes-${port}.conf`, "--save", ""],
      ...[
        "--cluster-node-timeout",
        String(NODE_TIMEOUT_MS),
        "--repl-diskless-sync-delay",
        "0",
        "--loglevel",
        "warning",
      ],
      // Else the first node does not know its own address, and clients pass it over.
      ...["--repl-ping-replica-period", "1", "--cluster-announce-ip", "127.0.0.1", ...settings],
    ],
    { stdio: "ignore" },
  );
  const ended = once(child, "exit");
  /** @param {string[]} command */
  const ask = async (...command) => {
    const { stdout } = await run(cli, ["-p", String(port), ...command], { timeout: 5000 });
    return stdout.trim();
  };
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`redis-server on port ${port} ended with ${child.exitCode}`);
    const info = await ask("INFO", "server").catch(() => "");
    return info.split(/\r?\n/).includes(`process_id:${child.pid}`);
  });
  return {
    port,
    busPort,
    ask,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    /** @param {NodeJS.Signals} signal */
    signal: (signal) => void child.kill(signal),
    async end() {
      child.kill("SIGCONT");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
