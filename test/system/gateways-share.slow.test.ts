/** Gateways with one secret and one cluster for their hashes: what one has hashed, the others know. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway } from "../support/content-service.ts";
import { type RedisServer, startRedisServer } from "../support/redis-cluster.mjs";
import { requirement } from "../support/requires.ts";

const redis = requirement("redis-server");

const content = Buffer.alloc(
  700_001,
  Uint8Array.from({ length: 251 }, (_, i) => (i * 31 + 7) % 251),
);
const OFFER = {
  "Accept-Encoding": "peerdist",
  "X-P2P-PeerDist": "Version=1.1",
  "X-P2P-PeerDistEx": "MinContentInformation=1.0, MaxContentInformation=2.0",
};

describe.skipIf(!redis.ok)("gateways that share a cluster", () => {
  let directory: string;
  let cluster: RedisServer;
  let origin: Server;
  let gets = 0;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-share-"));
    await writeFile(join(directory, "password"), "between us\n");
    cluster = await startRedisServer(redis.path);
    await cluster.ask("CONFIG", "SET", "requirepass", "between us");
    origin = createServer((request, response) => {
      if (request.method === "GET") gets++;
      response.setHeader("ETag", '"1"');
      response.setHeader("Content-Length", content.length);
      response.end(request.method === "HEAD" ? undefined : content);
    });
    await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  });

  afterAll(async () => {
    origin?.closeAllConnections();
    origin?.close();
    await cluster?.close();
    await rm(directory, { recursive: true, force: true });
  });

  it("one hashes, the other answers with Content Information at once, and goes on without the cluster", async () => {
    const { port } = origin.address() as AddressInfo;
    const start = () =>
      startGateway(
        `http://127.0.0.1:${port}`,
        ...["--host-header", "origin", "--secret-file", join(directory, "secret")],
        ...["--redis-node", cluster.node, "--redis-password-file", join(directory, "password")],
      );
    await using first = await start();
    await using second = await start();
    const plain = await fetch(`${first.url}/file`, { headers: OFFER });
    expect(content.equals(new Uint8Array(await plain.arrayBuffer()))).toBe(true);
    await first.whenHashed("/file");
    const bodies = [];
    for (const { url } of [second, first]) {
      const answer = await fetch(`${url}/file`, { headers: OFFER });
      expect(answer.headers.get("content-encoding")).toBe("peerdist");
      bodies.push(Buffer.from(await answer.arrayBuffer()));
    }
    expect(bodies[0]?.equals(bodies[1] ?? content)).toBe(true);
    expect(second.log.filter(({ event }) => event === "publish.done")).toEqual([]);
    // A download, then one question by each.
    expect(gets).toBe(3);
    await cluster.close();
    const other = await fetch(`${second.url}/other`, { headers: OFFER });
    expect(content.equals(new Uint8Array(await other.arrayBuffer()))).toBe(true);
  });
});
