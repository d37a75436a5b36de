import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "@branchcache/cache-store";
import { serveApi, startPeerNode } from "@branchcache/peer-node";
import { daemon } from "@branchcache/peerdist/node";
import { connectPeerDist } from "@branchcache/peerdist/promises";
import { concatBytes } from "@branchcache/runtime";
import { systemClock as clock } from "@branchcache/runtime/node";
import { recordingObserver } from "@branchcache/runtime/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { peerDistApi } from "../../src/daemon/peerdist-api.ts";

const identifier = new TextEncoder().encode("doc");
const content = new Uint8Array(200_000).fill(7);
const tag = new Uint8Array(16);
let observer = recordingObserver();

describe("the daemon's Peer Distribution API", () => {
  let directory: string;
  let socket: string;
  let secretFile: string;
  let close: () => Promise<void>;
  let setClientVersion: (version: 1 | 2) => void;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcached-"));
    socket = join(directory, "api.sock");
    secretFile = join(directory, "secret");
    const store = createMemoryStore({ limitBytes: 2 ** 24, clock });
    observer = recordingObserver();
    const node = await startPeerNode({ store, mode: "local", observer });
    const made = await peerDistApi({ node, socket, secretFile, clientVersion: 1, observer });
    const { protocols } = made;
    setClientVersion = (version) => made.setClientVersion(version);
    const api = await serveApi({ path: socket, branchCache: node, mode: node.mode, protocols });
    close = () => api.close();
  });

  afterEach(async () => {
    await close();
    await rm(directory, { recursive: true, force: true });
  });

  it("publishes for one user's instances, and makes the secret with the first", async () => {
    await expect(stat(secretFile)).rejects.toMatchObject({ code: "ENOENT" });
    await using publisher = await connectPeerDist({ transport: daemon({ path: socket }), clock });
    await publisher.publish(identifier, [content]);
    expect((await stat(secretFile)).mode & 0o777).toBe(0o600);
    await using reader = await connectPeerDist({ transport: daemon({ path: socket }), clock });
    await using opened = await reader.open(tag, reader.contentInformation(identifier));
    const origin = (offset: number, length: number) => [content.slice(offset, offset + length)];
    const read: Uint8Array[] = [];
    for await (const bytes of opened.stream({ origin, timeoutMs: 0 })) read.push(bytes);
    expect(concatBytes(...read).length).toBe(content.length);
    expect(await opened.available(0)).toBe(content.length);
    const counted = (source: string) => observer.total("retrieval_bytes_total", { source, app: "api" });
    expect([counted("origin"), counted("local")]).toEqual([content.length, 0]);
    await using stranger = await connectPeerDist({
      transport: daemon({ path: socket, anonymous: true }),
      clock,
    });
    await expect(
      stranger.contentInformation(identifier)[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({
      error: 1168,
    });
  });

  it("API-85 tells clients the highest version to ask for, and another one while they are connected", async () => {
    await using client = await connectPeerDist({ transport: daemon({ path: socket }), clock });
    expect(await client.status()).toMatchObject({ minVersion: 1, maxVersion: 1 });
    setClientVersion(2);
    await expect.poll(async () => (await client.status()).maxVersion).toBe(2);
    setClientVersion(1);
    await expect.poll(async () => (await client.status()).maxVersion).toBe(1);
  });

  it("leaves no place for proofs beside a named pipe: there every connection is an identity of its own", async () => {
    const node = await startPeerNode({
      store: createMemoryStore({ limitBytes: 2 ** 24, clock }),
      mode: "local",
    });
    const pipe = String.raw`\\.\pipe\branchcache-api`;
    const { protocols } = await peerDistApi({ node, socket: pipe, secretFile, clientVersion: 2, observer });
    const path = join(directory, "stands-for-the-pipe.sock");
    const server = await serveApi({ path, branchCache: node, mode: node.mode, protocols });
    const [one, two] = [
      await connectPeerDist({ transport: daemon({ path }), clock }),
      await connectPeerDist({ transport: daemon({ path }), clock }),
    ];
    await one.publish(identifier, [content]);
    const ask = (of: typeof one) => of.contentInformation(identifier)[Symbol.asyncIterator]().next();
    await expect(ask(two)).rejects.toMatchObject({ error: 1168 });
    expect((await ask(one)).done).toBe(false);
    await one.close();
    await two.close();
    await server.close();
    expect((await readdir(directory)).filter((name) => name.includes("identity"))).toEqual([
      "api.sock.identity",
    ]);
  });
});
