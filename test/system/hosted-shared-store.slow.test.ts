/** Daemons as hosted caches with one store on a cluster, as the settings make them. */
import { randomBytes } from "node:crypto";
import { parseEndpoint } from "@branchcache/runtime";
import { describe, expect, it } from "vitest";
import { contentServer } from "../support/content-server.ts";
import { startDaemon } from "../support/daemon.ts";
import { hostedOffice } from "../support/hosted-office.ts";
import { startRedisServer } from "../support/redis-cluster.mjs";
import { requirement } from "../support/requires.ts";

const redis = requirement("redis-server");
const SIZE = 2_000_000;

describe.skipIf(!redis.ok)("two daemons with cache.store redis", () => {
  it("what one of them pulled, the other serves", async () => {
    const server = await startRedisServer(redis.path);
    const settings = {
      mode: "hosted-server",
      log: { format: "json" },
      peer: { listen_address: "127.0.0.1" },
      cache: { store: "redis", redis: { nodes: [server.node], deadline: "5s" } },
      hosted_server: { http_port: 0, https: false, allow_own_addresses: true },
    };
    try {
      await using one = await startDaemon({ settings });
      await using other = await startDaemon({ settings });
      await using origin = await contentServer();
      const content = randomBytes(SIZE);
      await origin.put(content);
      await origin.hashed();
      await using office = await hostedOffice();
      const through = async (daemon: typeof one) => {
        const port = parseEndpoint((await daemon.process.event("hosted.serving"))["http"] ?? "")?.port ?? 0;
        return office.client({ hostedClient: { servers: [{ host: "127.0.0.1", port, priority: 0 }] } });
      };
      expect((await (await through(one)).get(origin.url)).report.bytes.origin).toEqual(SIZE);
      for (let held = 0; held < SIZE; ) {
        const { complaint, output } = await other.run("status", "--json");
        expect(complaint).toEqual("");
        held = JSON.parse(output).cache.data.active_bytes;
      }
      const second = await (await through(other)).get(origin.url);
      expect(Buffer.from(second.content).equals(content)).toEqual(true);
      expect(second.report.bytes).toMatchObject({ hosted: SIZE, origin: 0 });
    } finally {
      await server.close();
    }
  }, 300_000);
});
