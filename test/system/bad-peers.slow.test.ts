/** Peers that lie, stall, close or vanish, and origins that change: a slower download, never a wrong byte. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { freeUdpPort } from "@branchcache/cli/testing";
import { type PeerDiscovery, startPeerDiscovery } from "@branchcache/discovery";
import { createRetrievalServer } from "@branchcache/retrieval";
import { type Fault, faultPeer } from "@branchcache/retrieval/testing";
import { equalBytes } from "@branchcache/runtime";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { recordingObserver, seededRandom } from "@branchcache/runtime/testing";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BranchNode, branchNode } from "../support/branch-node.ts";
import { type ContentServer, contentServer } from "../support/content-server.ts";

const content = seededRandom(11).bytes(2 * 1024 * 1024);

describe("with bad peers", () => {
  let origin: ContentServer;
  /** Has everything, and is found by nobody. */
  let source: BranchNode;
  let discoveryPort: number;
  const open: AsyncDisposable[] = [];
  const use = <T extends AsyncDisposable>(resource: T): T => {
    open.push(resource);
    return resource;
  };

  beforeAll(async () => {
    origin = await contentServer();
    await origin.put(content);
    source = await branchNode({ discoveryPort: await freeUdpPort() });
    for (const version of [1, 2] as const) await source.get(origin.url, version);
  });
  afterAll(async () => {
    await source[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    discoveryPort = await freeUdpPort();
  });
  afterEach(async () => {
    for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]();
  });

  const honestNode = async (): Promise<BranchNode> =>
    use(await branchNode({ discoveryPort, listen: { host: "127.0.0.1", port: 0 } }));

  /** Waits long for answers, since the machine may be busy, and not long for blocks. */
  const reader = async (observer = recordingObserver()): Promise<BranchNode> =>
    use(
      await branchNode({
        discoveryPort,
        observer,
        discovery: { waitMs: 1_000 },
        retrieval: { requestTimeoutMs: 100, maxTimeouts: 2, blockTimeoutMs: 500 },
      }),
    );

  /** Announces that it has everything that `of` has, and serves it with a fault. */
  const badPeer = async (of: BranchNode, fault: (request: number) => Fault | "vanish" | undefined) => {
    const { blocks } = of.store;
    const server = createRetrievalServer({
      clock: systemClock,
      source: {
        heldBlocks: (id) => blocks.heldBlocks(id),
        async block(id, index) {
          const stored = await blocks.getBlock(id, index);
          return stored && { sealed: stored, nextBlockIndex: stored.nextBlockIndex };
        },
      },
    });
    const sockets = new Set<Socket>();
    const listener = createServer((socket) => {
      sockets.add(socket);
      peer.accept(socket);
    });
    const peer = faultPeer({
      server,
      clock: systemClock,
      fault(request) {
        const wanted = fault(request);
        if (wanted !== "vanish") return wanted;
        listener.close();
        for (const socket of sockets) socket.destroy();
        return "no-answer";
      },
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const discovery: PeerDiscovery = await startPeerDiscovery({
      clock: systemClock,
      random: systemRandom,
      udp: nodeDatagramPort,
      interfaces: ["127.0.0.1"],
      port: discoveryPort,
      serve: { held: blocks, retrievalPort: port },
    });
    use({
      async [Symbol.asyncDispose]() {
        await discovery.close();
        for (const socket of sockets) socket.destroy();
        listener.close();
      },
    });
    return peer;
  };

  const faults: readonly { name: string; fault: (request: number) => Fault | "vanish" | undefined }[] = [
    { name: "lies", fault: (request) => (request % 3 === 2 ? "wrong-bytes" : undefined) },
    { name: "lies about everything", fault: () => "wrong-bytes" },
    { name: "stalls", fault: (request) => (request > 4 ? "stall" : undefined) },
    { name: "closes early", fault: (request) => (request % 2 === 1 ? "early-close" : undefined) },
    { name: "vanishes in mid-download", fault: (request) => (request >= 6 ? "vanish" : undefined) },
    { name: "has nothing after all", fault: () => "empty-block" },
    { name: "answers with junk", fault: () => "junk" },
    { name: "never ends its answer", fault: () => "endless-body" },
    { name: "redirects", fault: () => "redirect" },
  ];

  // Version 1.0 asks for block lists first, version 2.0 at once for blocks: each fault meets one of them.
  it.each(faults.map((row, i) => ({ ...row, version: i % 2 === 0 ? (1 as const) : (2 as const) })))(
    "a peer that $name costs no byte of version $version",
    async ({ fault, version }) => {
      const bad = await badPeer(source, fault);
      const { content: got, report } = await (await reader()).get(origin.url, version);
      expect(equalBytes(got, content)).toBe(true);
      expect(bad.requests).toBeGreaterThan(0);
      expect(report.bytes.peer + report.bytes.origin).toBe(content.length);
    },
    300_000,
  );

  it("PCCRR-100 shuns a liar, and does not ask it again", async () => {
    const liar = await badPeer(source, () => "wrong-bytes");
    const observer = recordingObserver();
    const node = await reader(observer);
    await node.get(origin.url, 1);
    const asked = liar.requests;
    expect(observer.named("peer.quarantined")).toHaveLength(1);
    expect(observer.total("blocks_rejected_total", { reason: "hash" })).toBeGreaterThan(0);
    await node.get(origin.url, 2);
    expect(liar.requests).toBe(asked);
  }, 300_000);

  it("PCCRC-24 takes from an honest peer what another lies about", async () => {
    const honest = await honestNode();
    await honest.get(origin.url);
    await badPeer(honest, () => "wrong-bytes");
    const node = await reader();
    const { content: got, report } = await node.get(origin.url);
    expect(equalBytes(got, content)).toBe(true);
    expect(report.bytes).toMatchObject({ peer: content.length, origin: 0 });
  }, 300_000);

  it("a full cache does not stop a download", async () => {
    const small = use(await branchNode({ discoveryPort, limitBytes: 1_000 }));
    const { content: got, report } = await small.get(origin.url);
    expect(equalBytes(got, content)).toBe(true);
    expect(report.cached).toBe("not-kept");
  });
});

describe("with a changing origin", () => {
  let origin: ContentServer;
  let node: BranchNode;

  beforeEach(async () => {
    origin = await contentServer();
    await origin.put(content);
    node = await branchNode({ discoveryPort: await freeUdpPort() });
    // The first answer is plain and starts the hashing; from now on there is Content Information.
    await node.get(origin.url);
  });
  afterEach(async () => {
    await node[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
  });

  it("begins anew when the file is replaced between Content Information and range", async () => {
    const next = seededRandom(12).bytes(content.length + 1_000);
    const other = await branchNode({ discoveryPort: await freeUdpPort() });
    try {
      let replaced: Promise<void> | undefined;
      origin.intercept((request, response) => {
        if (request.headers.range === undefined || replaced !== undefined) return false;
        // The first range request finds the new file.
        replaced = origin.put(next).then(() => {
          response.writeHead(412).end();
        });
        return true;
      });
      const { content: got, report } = await other.get(origin.url);
      expect(replaced).toBeDefined();
      expect(equalBytes(got, next)).toBe(true);
      expect(report.restarts).toBe(1);
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });

  it("notices a wrong byte under the same validator", async () => {
    const other = await branchNode({ discoveryPort: await freeUdpPort() });
    try {
      let lied = 0;
      origin.intercept((request, response) => {
        const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
        if (!range || lied > 0) return false;
        lied++;
        const [start, end] = [Number(range[1]), Number(range[2]) + 1];
        const bytes = content.slice(start, end);
        bytes[100] = (bytes[100] ?? 0) ^ 1;
        response.writeHead(206, {
          "Content-Range": `bytes ${start}-${end - 1}/${content.length}`,
          "Content-Length": bytes.length,
          ETag: request.headers["if-range"] ?? "",
        });
        response.end(bytes);
        return true;
      });
      const { content: got, report } = await other.get(origin.url);
      expect(lied).toBe(1);
      expect(equalBytes(got, content)).toBe(true);
      expect(report.restarts).toBe(1);
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });

  it.each([
    { name: "truncated", change: (body: Buffer) => body.subarray(0, -1) },
    {
      name: "altered",
      change: (body: Buffer) => Buffer.concat([body.subarray(0, 60), Buffer.of(1, 2), body.subarray(62)]),
    },
    { name: "no", change: () => Buffer.from("this is no Content Information") },
  ])("gets the content in spite of $name Content Information", async ({ change }) => {
    const coded = await fetch(origin.url, {
      headers: {
        "Accept-Encoding": "peerdist",
        "X-P2P-PeerDist": "Version=1.1",
        "X-P2P-PeerDistEx": "MinContentInformation=1.0, MaxContentInformation=2.0",
      },
    });
    expect(coded.headers.get("content-encoding")).toBe("peerdist");
    const body = change(Buffer.from(await coded.arrayBuffer()));
    const headers = Object.fromEntries(coded.headers);
    origin.intercept((request, response) => {
      if (!String(request.headers["accept-encoding"]).includes("peerdist")) return false;
      response.writeHead(200, { ...headers, "content-length": body.length });
      response.end(body);
      return true;
    });
    const other = await branchNode({ discoveryPort: await freeUdpPort() });
    try {
      const { content: got } = await other.get(origin.url);
      expect(equalBytes(got, content)).toBe(true);
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });
});
