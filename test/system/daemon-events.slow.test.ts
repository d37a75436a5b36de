/** What daemons tell as they are started, changed, used and stopped: the events and counters that nothing else waits for. */
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

const SIZE = 400_000;
const log = { format: "json", level: "trace" };
const loopback = { listen_address: "127.0.0.1", listen_port: 0, interfaces: ["127.0.0.1"] };

describe("daemons", () => {
  let cache: TestDaemon;
  let client: TestDaemon;

  beforeAll(async () => {
    cache = await startDaemon({
      settings: {
        log,
        mode: "hosted-server",
        peer: loopback,
        hosted_server: { http_port: 0, https_port: 0, allow_own_addresses: true },
        // Of no use to a hosted cache.
        hosted_client: { servers: ["cache.example"] },
      },
    });
    // Too small to be of use.
    client = await startDaemon({
      settings: { log, peer: loopback, cache: { data: { max_bytes: "64MiB" } } },
    });
  });
  afterAll(async () => {
    await client?.[Symbol.asyncDispose]();
    await cache?.[Symbol.asyncDispose]();
  });

  it("tell how they start", async () => {
    expect(await client.process.event("cache.loaded")).toMatchObject({ segments: 0, bytes: 0 });
    expect((await client.process.event("service.disabled"))["cure"]).toContain("branchcache enable");
    expect((await cache.process.event("config.role_conflict"))["reason"]).toContain("hosted_client.servers");
    expect((await cache.process.event("hosted.no_certificate"))["made"]).toContain("hosted-cache.pem");
  });

  it("tell of settings that change, that they refuse, and that save nothing", async () => {
    const { http = "" } = await cache.process.event("hosted.serving");
    const set = ["config", "set", "hosted_client.servers", http, "mode", "hosted-client"];
    expect(await client.run(...set)).toMatchObject({ code: 0 });
    expect((await client.process.event("config.changed"))["keys"]).toContain("hosted_client.servers");
    expect((await client.process.event("hosted.servers_changed"))["servers"]).toContain(http);
    await client.process.event("doctor.found");
    // A busy machine may give more to find.
    const found = (await client.run("events", "--lines", "1000", "--json", "--level", "debug")).output
      .split("\n")
      .filter((line) => line.includes('"doctor.found"'))
      .map((line) => JSON.parse(line))
      .find(({ check }) => check === "cache size");
    expect(found?.cure).toContain("branchcache config set cache.data.max_bytes");
    const dropIn = join(client.directory, "branchcache.d", "60-wrong.json");
    await writeFile(dropIn, JSON.stringify({ peer: { max_peers: "many" } }));
    client.process.signal("SIGHUP");
    expect((await client.process.event("config.rejected"))["reason"]).toContain("peer.max_peers");
    await writeFile(dropIn, "{}");
  });

  it("tell of every block that is asked for and given, and whom it was for", async () => {
    const root = join(client.directory, "www");
    const file = join(root, "setup.bin");
    await mkdir(root);
    await writeFile(file, seededRandom(11).bytes(SIZE));
    // Files that were written just now are not hashed yet.
    await utimes(file, 1_700_000_000, 1_700_000_000);
    const server = { root, listen: "127.0.0.1:0", enabled: true };
    const words = Object.entries(server).flatMap(([key, value]) => [`content_server.${key}`, String(value)]);
    expect(await client.run("config", "set", ...words)).toMatchObject({ code: 0 });
    const { url } = JSON.parse((await client.run("status", "content-server", "--json")).output);
    const get = async (name: string) => {
      const target = ["-o", join(client.directory, name)];
      const logged = ["--log-level", "trace", "--log-format", "json"];
      const ended = await client.run("get", `${url}setup.bin`, ...target, ...logged);
      expect(ended.code, ended.complaint).toBe(0);
      return ended.complaint;
    };
    await get("plain");
    await client.process.event("content.sent");
    await client.process.event("publish.done");
    const told = await get("again");
    for (const event of ["content_info.received", "download.finished"]) {
      expect(told).toContain(`"event":"${event}"`);
    }
    await client.process.event("content_info.sent");
    const headers = {
      "accept-encoding": "peerdist",
      "x-p2p-peerdist": "Version=1.1, MissingDataRequest=true",
    };
    await (await fetch(`${url}setup.bin`, { headers: { ...headers, range: "bytes=0-65535" } })).arrayBuffer();
    await client.process.event("missing_data.sent");
    await cache.process.event("hosted.pulled");
    await client.process.event("block.request_received");
    await client.process.event("block.sent");
    expect(await client.run("cache", "clear", "--force")).toMatchObject({ code: 0 });
    await get("from-the-branch");
    await client.process.event("block.request_sent");
    await client.process.event("block.received");
    const metrics = await (await fetch(`${cache.url}metrics`)).text();
    // It cannot read what it pulled: ciphertext, with its padding.
    const pulled = Number(/retrieval_bytes_total\{source="peer",app="pull"\} (\d+)/.exec(metrics)?.[1]);
    expect(pulled).toBeGreaterThan(SIZE);
    expect(pulled).toBeLessThan(SIZE + 1_000);
  });

  it("tell that they stop, with a cache that is whole", async () => {
    await client.process.stop();
    for (const event of ["service.stopping", "cache.saved", "service.stopped"]) {
      await client.process.event(event);
    }
  });
});
