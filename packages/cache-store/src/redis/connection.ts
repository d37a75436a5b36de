/**
 * The cluster, asked with a deadline. A node that failed to answer is left alone, until a question asked of its
 * slots now and then is answered: a slow or dead one costs each question under way one deadline, and the rest goes on.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import {
  type CancelTimer,
  type Clock,
  errorMessage,
  type Observer,
  timeoutReason,
} from "@branchcache/runtime";
import calculateSlot from "cluster-key-slot";
import { Cluster, type Redis } from "iovalkey";
import { StoreError } from "../errors.ts";
import { isOutOfRoom, isRefused, reasonOf, unreachable } from "./errors.ts";
import { type ScriptName, scripts } from "./scripts.ts";

export interface ConnectionOptions {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Commands are in lower case: of others the client does not know which of their arguments are keys. */
export type Argument = string | number | Uint8Array;

/** Values of fields of a hash. */
export type Fields = readonly (Uint8Array | null)[];

/** Between two questions to a node that does not answer. */
const PROBE_MS = 1000;
/** How often the client asks who has which slots; a hung node is noticed by nothing else. */
const TOPOLOGY_MS = 1000;

interface Outage {
  readonly key: string;
  readonly sinceMs: number;
  /** Questions not asked meanwhile. */
  missed: number;
  probe: CancelTimer;
}

/** A line of CLUSTER NODES with the flag, or of INFO with the count. */
const REPLICAS = /^\S+ \S+ (?:\S+,)?slave\b|^connected_slaves:[1-9]/m;

const SHAS = Object.fromEntries(
  Object.entries(scripts).map(([name, text]) => [name, createHash("sha1").update(text).digest("hex")]),
);

export class Connection {
  readonly #options: ConnectionOptions;
  /** Apart, since a connection that waits for replicas answers nothing else. */
  readonly #reader: Cluster;
  readonly #writer: Cluster;
  /** By node, as the client names it. */
  readonly #outages = new Map<string, Outage>();
  /** Clients that were connected once. */
  readonly #ready = new Set<Cluster>();
  #closed = false;
  #replicasSeen = false;
  #nodeError: unknown;

  /** Throws `BC_STORE_UNREACHABLE`. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options);
    try {
      await Promise.all([connection.#reader.connect(), connection.#writer.connect()]);
      return connection;
    } catch (error) {
      connection.close();
      throw unreachable(
        connection.#nodeError ?? error,
        `no cluster at ${options.nodes.map(nameOf).join(", ")}`,
      );
    }
  }

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    const { nodes, username, password, tls } = options;
    const make = () => {
      const cluster = new Cluster([...nodes], {
        lazyConnect: true,
        slotsRefreshInterval: TOPOLOGY_MS,
        slotsRefreshTimeout: Math.max(1000, options.deadlineMs),
        // At the start once round is enough; later it never gives up.
        clusterRetryStrategy: (times) => (this.#isOpen(cluster) ? Math.min(100 * times, PROBE_MS) : null),
        redisOptions: {
          connectTimeout: Math.max(1000, options.deadlineMs),
          ...(username !== undefined && { username }),
          ...(password !== undefined && { password }),
          ...(tls && { tls }),
        },
      });
      cluster.once("ready", () => this.#ready.add(cluster));
      // Told by the questions that fail; what a node said is worth more than that none is left.
      cluster.on("error", () => {});
      cluster.on("node error", (error: unknown) => {
        this.#nodeError = error;
      });
      return cluster;
    };
    this.#reader = make();
    this.#writer = make();
  }

  #isOpen(cluster: Cluster): boolean {
    return !this.#closed && this.#ready.has(cluster);
  }

  /** Throws `BC_STORE_UNREACHABLE` when there is no answer in time, or what the engine answers. */
  read(key: string, command: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.#ask(key, () => this.#reader.callBuffer(command, key, ...args.map(forClient)));
  }

  /** Fields of a hash; null for those that it lacks. Throws as `read`. */
  async fields(key: string, names: readonly string[]): Promise<Fields> {
    return (await this.read(key, "hmget", ...names)) as Fields;
  }

  /** As `read`, in the order of all writes. */
  write(key: string, command: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.#ask(key, () => this.#writer.callBuffer(command, key, ...args.map(forClient)));
  }

  /** Runs a script on its one key, in the order of all writes. */
  run(script: ScriptName, key: string, ...args: readonly Argument[]): Promise<unknown> {
    const own = args.map(forClient);
    return this.#ask(key, async () => {
      try {
        return await this.#writer.callBuffer("evalsha", SHAS[script] ?? "", 1, key, ...own);
      } catch (error) {
        if (!errorMessage(error).startsWith("NOSCRIPT")) throw error;
        return this.#writer.callBuffer("eval", scripts[script], 1, key, ...own);
      }
    });
  }

  /** Whether the node of this key is left alone at present. */
  isOut(key: string): boolean {
    return this.#outages.size > 0 && this.#outages.has(this.#nodeOf(key));
  }

  /** Asks every master. Throws `BC_STORE_UNREACHABLE` if one does not answer. */
  async everywhere(command: string, ...args: readonly Argument[]): Promise<readonly unknown[]> {
    return Promise.all(this.masters().map((node) => this.askNode(node, command, ...args)));
  }

  masters(): readonly Redis[] {
    return this.#reader.nodes("master");
  }

  async askNode(node: Redis, command: string, ...args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.#inTime(node.callBuffer(command, ...args.map(forClient)));
    } catch (error) {
      throw unreachable(error, `${nameOf(node.options)} does not answer`);
    }
  }

  /**
   * Resolves once all that was written has reached so many replicas of each master; default 1 if the cluster has any,
   * else 0. Throws `BC_STORE_UNREACHABLE`.
   */
  async confirm(replicas?: number): Promise<void> {
    const { deadlineMs } = this.#options;
    const wanted = replicas ?? ((await this.#hasReplicas()) ? 1 : 0);
    if (wanted === 0) return;
    await Promise.all(
      this.#writer.nodes("master").map(async (node) => {
        const name = nameOf(node.options);
        const reached = await this.#inTime(node.call("wait", wanted, deadlineMs), 2 * deadlineMs).catch(
          (error: unknown) => {
            throw unreachable(error, `${name} does not answer`);
          },
        );
        if (Number(reached) >= wanted) return;
        const message = `${name} has its data on ${reached} of ${wanted} replicas`;
        throw new StoreError("BC_STORE_UNREACHABLE", message);
      }),
    );
  }

  /**
   * Also such as have nothing yet, which are left out where the cluster says who serves what; such as are away; and
   * such as other nodes have not heard of. A cluster that has had some has some.
   */
  async #hasReplicas(): Promise<boolean> {
    if (this.#replicasSeen) return true;
    const answers = await Promise.all([
      this.everywhere("cluster", "nodes"),
      this.everywhere("info", "replication"),
    ]);
    this.#replicasSeen = answers.flat().some((text) => REPLICAS.test(String(text)));
    return this.#replicasSeen;
  }

  close(): void {
    this.#closed = true;
    for (const { probe } of this.#outages.values()) probe();
    this.#outages.clear();
    this.#reader.disconnect();
    this.#writer.disconnect();
  }

  async #ask(key: string, ask: () => Promise<unknown>): Promise<unknown> {
    const node = this.#nodeOf(key);
    const outage = this.#outages.get(node);
    if (outage) {
      outage.missed++;
      throw new StoreError("BC_STORE_UNREACHABLE", `${node} did not answer lately`);
    }
    try {
      return await this.#inTime(ask());
    } catch (error) {
      if (isOutOfRoom(error) || isRefused(error)) throw error;
      this.#lost(node, key, error);
      throw unreachable(error, `${node} does not answer`);
    }
  }

  /** Whom the client would ask. */
  #nodeOf(key: string): string {
    return this.#reader.slots[calculateSlot(key)]?.[0] ?? "the cluster";
  }

  #lost(node: string, key: string, error: unknown): void {
    if (this.#closed || this.#outages.has(node)) return;
    const { clock, observer } = this.#options;
    const outage: Outage = { key, sinceMs: clock.monotonicMs(), missed: 0, probe: () => {} };
    this.#outages.set(node, outage);
    observer.event("warn", "cache.unreachable", { node, reason: reasonOf(error) });
    const probe = () => {
      outage.probe = clock.after(PROBE_MS, () => {
        this.#inTime(this.#reader.callBuffer("exists", key)).then(() => this.#back(node, outage), probe);
      });
    };
    probe();
  }

  #back(node: string, outage: Outage): void {
    if (this.#closed) return;
    const { clock, observer } = this.#options;
    this.#outages.delete(node);
    observer.event("info", "cache.reachable", {
      node,
      now: this.#nodeOf(outage.key),
      away_ms: Math.round(clock.monotonicMs() - outage.sinceMs),
      missed: outage.missed,
    });
  }

  #inTime<T>(answer: Promise<T>, deadlineMs = this.#options.deadlineMs): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const cancel = this.#options.clock.after(deadlineMs, () => reject(timeoutReason(deadlineMs)));
      answer.then(resolve, reject).finally(cancel);
    });
  }
}

function nameOf({
  host,
  port,
}: {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
}): string {
  return `${host}:${port}`;
}

/** A view as the client wants it. */
function forClient(argument: Argument): string | number | Buffer {
  if (!(argument instanceof Uint8Array)) return argument;
  return Buffer.from(argument.buffer, argument.byteOffset, argument.length);
}
