/** Three hosted caches behind haproxy that share a cluster; one of each dies while everybody downloads. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRedisStore } from "@branchcache/cache-store/redis";
import { startProcess } from "@branchcache/cli/testing";
import { systemClock as clock } from "@branchcache/runtime/node";
import { describe, expect, it } from "vitest";
import { contentServer } from "../support/content-server.ts";
import { hostedOffice } from "../support/hosted-office.ts";
import { startRedisCluster } from "../support/redis-cluster.mjs";
import { requirement } from "../support/requires.ts";

const redis = requirement("redis-server");
const haproxy = requirement("haproxy");
const SIZE = 8_000_000;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(port: number): Promise<void> {
  for (let left = 500; left > 0; left--) {
    const socket = connect(port, "127.0.0.1");
    const ok = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing answers on ${port}`);
}

describe.skipIf(!redis.ok || !haproxy.ok)("hosted caches behind a balancer", () => {
  it("a cache and a node of the cluster die in mid-download: no client fails, no byte is wrong", async () => {
    const directory = await mkdtemp(join(tmpdir(), "branchcache-cluster-"));
    const cluster = await startRedisCluster(redis.path);
    const helper = join(import.meta.dirname, "../support/hosted-process.mjs");
    const caches = await Promise.all(
      [0, 1, 2].map(() => startProcess([process.execPath, helper, cluster.nodes.join(",")])),
    );
    const ports = await Promise.all(
      caches.map(async (each) => (await each.event("service.started"))["port"]),
    );
    const port = await freePort();
    await writeFile(
      join(directory, "haproxy.cfg"),
      [
        "defaults",
        "  mode tcp",
        "  timeout connect 1s",
        "  timeout client 1m",
        "  timeout server 1m",
        "  retries 3",
        "  option redispatch 1",
        "listen hosted",
        `  bind 127.0.0.1:${port}`,
        "  balance leastconn",
        ...ports.map(
          (each, i) =>
            `  server cache${i} 127.0.0.1:${each} send-proxy-v2 check-send-proxy check inter 300 fall 1`,
        ),
        "",
      ].join("\n"),
    );
    const balancer: ChildProcess = spawn(haproxy.path, ["-f", join(directory, "haproxy.cfg"), "-db"], {
      stdio: "ignore",
    });
    try {
      await answers(port);
      await using origin = await contentServer();
      const content = randomBytes(SIZE);
      await origin.put(content);
      for (let ready = false; !ready; ) {
        const answer = await fetch(origin.url, {
          headers: { "accept-encoding": "peerdist", "x-p2p-peerdist": "Version=1.1" },
        });
        await answer.arrayBuffer();
        ready = answer.headers.get("content-encoding") === "peerdist";
      }
      await using office = await hostedOffice();
      const hostedClient = { servers: [{ host: "127.0.0.1", port, priority: 0 }] };
      const first = await office.client({ hostedClient });
      await first.get(origin.url);
      const store = await openRedisStore({ nodes: cluster.nodes, clock });
      for (let held = 0; held < SIZE; ) {
        held = 0;
        for await (const { bytes } of store.blocks.list()) held += bytes;
      }
      await store.close();
      const before = await (await office.client({ hostedClient })).get(origin.url);
      // A cluster on a busy machine may miss its deadlines now and then; what it misses comes from the origin.
      expect(before.report.bytes.hosted).toBeGreaterThan(0);

      const clients = await Promise.all(Array.from({ length: 4 }, () => office.client({ hostedClient })));
      const downloads = clients.map((client) => client.get(origin.url));
      while (
        clients.every(({ observer }) => observer.total("retrieval_bytes_total", { source: "hosted" }) === 0)
      ) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      process.kill(caches[0]?.pid ?? 0, "SIGKILL");
      cluster.masters[0]?.signal("SIGKILL");
      for (const { content: got, report } of await Promise.all(downloads)) {
        expect(Buffer.from(got).equals(content)).toEqual(true);
        expect(report.bytes.hosted + report.bytes.origin).toEqual(SIZE);
        console.log(
          `of ${SIZE} bytes from the caches ${report.bytes.hosted}, from the origin ${report.bytes.origin}`,
        );
      }
    } finally {
      balancer.kill("SIGKILL");
      for (const each of caches) await each.stop();
      await cluster.close();
      await rm(directory, { recursive: true, force: true });
    }
  }, 180_000);
});
