/**
 * Three daemons as hosted caches behind haproxy, which share a cluster of six; one of the daemons and one of the masters
 * are killed while everybody downloads.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRedisStore } from "@branchcache/cache-store/redis";
import { parseEndpoint } from "@branchcache/runtime";
import { systemClock as clock } from "@branchcache/runtime/node";
import { describe, expect, it } from "vitest";
import { contentServer } from "../support/content-server.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { onFreePorts, until } from "../support/free-ports.mjs";
import { hostedOffice } from "../support/hosted-office.ts";
import { startRedisCluster } from "../support/redis-cluster.mjs";
import { requirement } from "../support/requires.ts";

const redis = requirement("redis-server");
const haproxy = requirement("haproxy");
const SIZE = 16_000_000;

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  return new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  }).finally(() => socket.destroy());
}

/** One port for all caches, and one for each alone. */
const startBalancer = (program: string, caches: readonly number[]) =>
  onFreePorts(1 + caches.length, (all, ...each) => startBalancerOn(all ?? 0, each, program, caches));

async function startBalancerOn(
  all: number,
  each: readonly number[],
  program: string,
  caches: readonly number[],
) {
  const directory = await mkdtemp(join(tmpdir(), "branchcache-balancer-"));
  const config = [
    "defaults",
    "  mode tcp",
    "  timeout connect 1s",
    "  timeout client 1m",
    "  timeout server 1m",
    "  retries 3",
    "  option redispatch 1",
    "listen hosted",
    `  bind 127.0.0.1:${all}`,
    "  balance roundrobin",
    ...caches.map(
      (port, i) =>
        `  server cache${i} 127.0.0.1:${port} send-proxy-v2 check-send-proxy check inter 300 fall 2`,
    ),
    ...caches.flatMap((port, i) => [
      `listen alone${i}`,
      `  bind 127.0.0.1:${each[i]}`,
      `  server cache${i} 127.0.0.1:${port} send-proxy-v2`,
    ]),
    "",
  ].join("\n");
  await writeFile(join(directory, "haproxy.cfg"), config);
  const child: ChildProcess = spawn(program, ["-f", join(directory, "haproxy.cfg"), "-db"], {
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  const dispose = async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    for (const port of [all, ...each]) {
      await until(async () => {
        if (child.exitCode !== null) throw new Error(`haproxy ended with ${child.exitCode}`);
        return accepts(port);
      });
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return { all, each, [Symbol.asyncDispose]: dispose };
}

const portOf = async (cache: TestDaemon): Promise<number> =>
  parseEndpoint((await cache.process.event("hosted.serving"))["http"] ?? "")?.port ?? 0;

describe.skipIf(!redis.ok || !haproxy.ok)("hosted caches behind a balancer", () => {
  it("a cache and a node of the cluster die in mid-download: no client fails, no byte is wrong, and the rest serves on", async () => {
    await using cluster = await startRedisCluster(redis.path);
    const settings = {
      mode: "hosted-server",
      log: { format: "json" },
      peer: { listen_address: "127.0.0.1" },
      cache: { store: "redis", redis: { nodes: cluster.nodes, deadline: "800ms" } },
      hosted_server: { http_port: 0, https: false, balancers: ["127.0.0.1"], allow_own_addresses: true },
    };
    await using one = await startDaemon({ settings });
    await using two = await startDaemon({ settings });
    await using three = await startDaemon({ settings });
    const ports = await Promise.all([one, two, three].map(portOf));
    await using balancer = await startBalancer(haproxy.path, ports);
    await using origin = await contentServer();
    const content = randomBytes(SIZE);
    await origin.put(content);
    await origin.hashed();
    await using office = await hostedOffice();
    const through = (port: number) =>
      office.client({ hostedClient: { servers: [{ host: "127.0.0.1", port, priority: 0 }] } });
    /** Whatever a store that is slow for a moment does not give, a newcomer gets: only what is not there stays away. */
    const servesAll = async (port: number) => {
      for (let hosted = 0; hosted < SIZE; ) {
        await using client = await through(port);
        const { content: got, report } = await client.get(origin.url);
        expect(Buffer.from(got).equals(content)).toBe(true);
        ({ hosted } = report.bytes);
      }
    };

    const first = await through(balancer.all);
    expect((await first.get(origin.url)).report.bytes).toMatchObject({ origin: SIZE, hosted: 0 });

    // All that was offered lies on the cluster, under its content's length.
    const store = await openRedisStore({ nodes: cluster.nodes, clock, deadlineMs: 5_000 });
    for (let stored = 0; stored < SIZE; ) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      stored = 0;
      for await (const { heldBlocks, lengthBytes, totalBlocks } of store.blocks.list()) {
        if (heldBlocks === totalBlocks) stored += lengthBytes;
      }
      expect(stored).toBeLessThanOrEqual(SIZE);
    }
    await store.close();

    // Each of the caches serves all of it, whichever of them pulled what.
    for (const port of balancer.each) await servesAll(port);

    const clients = await Promise.all(Array.from({ length: 4 }, () => through(balancer.all)));
    const received = () =>
      clients.map(({ observer }) => observer.total("retrieval_bytes_total", { source: "hosted" }));
    const downloads = clients.map((client) => client.get(origin.url));
    while (received().some((bytes) => bytes === 0)) await new Promise((resolve) => setImmediate(resolve));
    one.process.signal("SIGKILL");
    cluster.masters[0]?.signal("SIGKILL");
    expect(
      received().every((bytes) => bytes < SIZE),
      "in mid-download",
    ).toBe(true);
    for (const { content: got, report } of await Promise.all(downloads)) {
      expect(Buffer.from(got).equals(content)).toBe(true);
      const { hosted, origin: plain } = report.bytes;
      expect(hosted + plain).toBe(SIZE);
      console.log(`of ${SIZE} bytes from the caches ${hosted}, from the origin ${plain}`);
    }

    // A replica has taken over, and what is left of the caches has all that there was.
    await cluster.whole();
    await servesAll(balancer.all);
  }, 600_000);
});
