import { randomBytes } from "node:crypto";
import { type AddressInfo, connect, createServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { freeUdpPort } from "@branchcache/cli/testing";
import { publishBytes, ServerSecret, segmentsOf, writeSegmentInformation } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { contentTag, headerOf, initialOffer, parseResponse, segmentInfo } from "@branchcache/hosted-cache";
import { startBlockServer } from "@branchcache/peer-node";
import { createRetrievalServer, RetrievalClient } from "@branchcache/retrieval";
import { nodeBlockCipher, nodeHttpPort } from "@branchcache/retrieval/node";
import { faultPeer } from "@branchcache/retrieval/testing";
import { encode } from "@branchcache/runtime";
import { addressRanges, systemClock as clock, systemRandom } from "@branchcache/runtime/node";
import { describe, expect, it } from "vitest";
import { PATIENT_MS } from "../support/branch-node.ts";
import certificates from "../support/certificates.json" with { type: "json" };
import { contentServer } from "../support/content-server.ts";
import { hostedOffice } from "../support/hosted-office.ts";

const SIZE = 1_500_000;

const tls = { cert: certificates.server.cert, key: certificates.server.key };
const https = { listen: { host: "127.0.0.1", port: 0 }, tls };

/** A content server with a file that is hashed already, and an office. */
async function scene(sizeBytes: number, options: Parameters<typeof hostedOffice>[0] = {}) {
  const origin = await contentServer();
  const content = randomBytes(sizeBytes);
  await origin.put(content);
  await origin.hashed();
  const office = await hostedOffice(options);
  return {
    content,
    office,
    url: origin.url,
    async [Symbol.asyncDispose]() {
      await office[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

/** Set aside for a service that nobody runs: a port that was free a moment ago may be another test's by now. */
const DEAD_PORT = 1;

describe("what a hosted cache cannot spoil", () => {
  it("a cache that is not there costs a download nothing but a moment", async () => {
    await using all = await scene(300_000);
    const servers = [{ host: "127.0.0.1", port: DEAD_PORT, priority: 0 }];
    const client = await all.office.client({ hostedClient: { servers } });
    const { content, report } = await client.get(all.url);
    expect(Buffer.from(content).equals(all.content)).toEqual(true);
    expect(report.bytes.origin).toEqual(300_000);
    expect(client.observer.named("hosted.request_failed")[0]?.fields).toMatchObject({ reason: "connect" });
  });

  it("of several caches the one that answers is used, and one of worse priority only without the others", async () => {
    await using all = await scene(SIZE);
    const { port } = all.office.cache.serving;
    const dead = { host: "127.0.0.1", port: DEAD_PORT, priority: 0 };
    const good = { host: "127.0.0.1", port, priority: 0 };
    const first = await all.office.client({ hostedClient: { servers: [dead, good] } });
    await first.get(all.url);
    await all.office.settled(SIZE);
    const second = await all.office.client({ hostedClient: { servers: [dead, good] } });
    expect((await second.get(all.url)).report.bytes).toMatchObject({ hosted: SIZE, origin: 0 });
    await using other = await hostedOffice();
    const worse = { host: "127.0.0.1", port, priority: 10 };
    const better = { host: "127.0.0.1", port: other.cache.serving.port, priority: 0 };
    const third = await all.office.client({ hostedClient: { servers: [worse, better] } });
    expect((await third.get(all.url)).report.bytes).toMatchObject({ hosted: 0, origin: SIZE });
  });

  it("two caches share what is offered, and a reader gets the parts from both", async () => {
    await using all = await scene(4_000_000);
    await using other = await hostedOffice();
    const servers = [all.office, other].map(({ cache }) => ({
      host: "127.0.0.1",
      port: cache.serving.port,
      priority: 0,
    }));
    const first = await all.office.client({ hostedClient: { servers } });
    await first.get(all.url);
    const bytes = async () =>
      [(await all.office.store.blocks.usage()).bytes, (await other.store.blocks.usage()).bytes] as const;
    while ((await bytes()).reduce((sum, each) => sum + each, 0) < 4_000_000) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const each of await bytes()) expect(each).toBeGreaterThan(400_000);
    const second = await all.office.client({ hostedClient: { servers } });
    const { content, report } = await second.get(all.url);
    expect(Buffer.from(content).equals(all.content)).toEqual(true);
    expect(report.bytes).toMatchObject({ hosted: 4_000_000, origin: 0 });
  });

  it("a poisoned segment never reaches a reader, costs the cache's good name nothing, and is healed by two readers", async () => {
    await using all = await scene(SIZE, { limits: { settleMs: 0 } });
    const { office, url } = all;
    const first = await office.client();
    await first.get(url);
    await office.settled(SIZE);
    const { blocks } = office.store;
    let poisoned: Uint8Array | undefined;
    for await (const { id, lengthBytes } of blocks.list()) {
      const record = await blocks.segment(id);
      const stored = await blocks.getBlock(id, 0);
      if (!record || !stored || lengthBytes < 1_000) continue;
      poisoned = id;
      await blocks.removeSegment(id);
      await blocks.putBlock(record, 0, { ...stored, data: randomBytes(stored.data.length) });
      break;
    }
    if (!poisoned) throw new Error("nothing to poison");
    const lengthBytes = (await blocks.segment(poisoned))?.lengthBytes ?? 0;
    for (let reader = 0; reader < 2; reader++) {
      const client = await office.client({ listen: { host: `127.0.0.${reader + 2}`, port: 0 } });
      const { content, report } = await client.get(url);
      expect(Buffer.from(content).equals(all.content)).toEqual(true);
      expect(report.bytes).toMatchObject({ hosted: SIZE - lengthBytes, origin: lengthBytes });
    }
  });

  it("blocks that nobody verified leave by the hosted cache's own port alone", async () => {
    await using all = await scene(SIZE);
    const first = await all.office.client();
    await first.get(all.url);
    await all.office.settled(SIZE);
    const server = await startBlockServer({
      store: all.office.store,
      listen: { host: "127.0.0.1", port: 0 },
    });
    const ids: Uint8Array[] = [];
    for await (const { id } of all.office.store.blocks.list()) ids.push(id);
    const ask = async (port: number, kind: "peer" | "hosted") => {
      const addresses = [{ address: "127.0.0.1", port }];
      const client = new RetrievalClient({
        addresses,
        http: nodeHttpPort(),
        clock,
        random: systemRandom,
        kind,
      });
      const answer = await client.getBlock(ids[0] as Uint8Array, 0);
      const ages = kind === "hosted" ? await client.getSegmentList(ids) : undefined;
      client.close();
      return { answer, ages };
    };
    expect((await ask(server.serving.port, "peer")).answer.kind).toEqual("empty");
    const { answer, ages } = await ask(all.office.cache.serving.port, "hosted");
    expect(answer.kind).toEqual("block");
    if (ages?.kind !== "segmentList") throw new Error("no segment list");
    expect(ages.held).toHaveLength(ids.length);
    expect(ages.ageMs.size).toEqual(ids.length);
    await server.close();
  });
});

describe("hostile offers", () => {
  it("PCHC-55 keeps no version 1.0 block that fails its hash, and stays interested", async () => {
    await using office = await hostedOffice();
    const bytes = new Uint8Array(randomBytes(200_000));
    const { v1 } = publishBytes(bytes, { engine, versions: [1] });
    const [segment] = v1 ? segmentsOf(v1, ServerSecret.fromPassphrase("x"), engine) : [];
    if (!segment) throw new Error("no segment");
    const honest = createRetrievalServer({
      clock,
      source: {
        heldBlocks: async () => [0, 1, 2, 3],
        block: async (_, index) => {
          const plain = bytes.subarray(index * 65_536, (index + 1) * 65_536);
          return { sealed: nodeBlockCipher.seal(plain, segment.secret, 1, systemRandom), nextBlockIndex: 0 };
        },
      },
    });
    const liar = faultPeer({
      server: honest,
      clock,
      fault: (index) => (index > 1 ? "wrong-bytes" : undefined),
    });
    const server = createServer((socket) => liar.accept(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const send = async (message: Uint8Array) => {
      const answer = await office.cache.offers.handle(1, message, "127.0.0.1");
      if (answer.kind !== "response") return answer.kind;
      answer.answered();
      await office.cache.offers.idle();
      return parseResponse(answer.body);
    };
    const information = writeSegmentInformation(segment);
    const info = encode(segmentInfo, {
      header: headerOf(1, 2, port),
      contentTag: contentTag("x"),
      information,
    });
    const initial = encode(initialOffer, { header: headerOf(1, 1, port), segmentId: segment.id });
    expect(await send(info)).toEqual("ok");
    for (const index of (await office.store.blocks.heldBlocks(segment.id)) ?? []) {
      const stored = await office.store.blocks.getBlock(segment.id, index);
      const plain = bytes.subarray(index * 65_536, (index + 1) * 65_536);
      const opened = stored && nodeBlockCipher.open(stored, segment.secret, plain.length);
      expect(Buffer.from(opened?.plaintext ?? []).equals(plain), `block ${index}`).toEqual(true);
    }
    expect((await office.store.blocks.heldBlocks(segment.id))?.length ?? 0).toBeLessThan(4);
    expect(office.observer.named("hosted.pull_failed").at(-1)?.fields["reason"]).toEqual("lied");
    const expected = (await office.store.blocks.heldBlocks(segment.id)) ? "ok" : "interested";
    expect(await send(initial)).toEqual(expected);
    server.close();
  });
});

describe("hosted and distributed together", () => {
  it("PCCRD-71 asks neighbours for what no hosted cache has, where that is wanted", async () => {
    await using all = await scene(SIZE);
    const port = await freeUdpPort();
    const link = { interfaces: ["127.0.0.1"], discovery: { port } };
    const nothing = { host: "127.0.0.1", port: DEAD_PORT, priority: 0 };
    const holder = await all.office.client({
      ...link,
      hostedClient: { servers: [nothing], alsoPeers: true },
    });
    await holder.get(all.url);
    const alone = await all.office.client({ ...link });
    expect((await alone.get(all.url)).report.bytes, "not by itself").toMatchObject({
      peer: 0,
      origin: SIZE,
    });
    await using empty = await hostedOffice();
    const servers = [{ host: "127.0.0.1", port: empty.cache.serving.port, priority: 0 }];
    const patient = { ...link, discovery: { port, waitMs: PATIENT_MS } };
    const both = await all.office.client({ ...patient, hostedClient: { servers, alsoPeers: true } });
    expect((await both.get(all.url)).report.bytes).toMatchObject({ peer: SIZE, origin: 0 });
    await empty.settled(SIZE);
  });

  it("auto: the cache that DNS names, else the link", async () => {
    await using all = await scene(SIZE);
    const port = await freeUdpPort();
    const link = { interfaces: ["127.0.0.1"], discovery: { port }, mode: "auto" } as const;
    const records = [{ name: "localhost", port: all.office.cache.serving.port, priority: 1, weight: 1 }];
    const named = { servers: [], discover: { domains: ["branch.example"], resolve: async () => records } };
    const unnamed = { servers: [], discover: { domains: ["branch.example"], resolve: async () => [] } };
    const first = await all.office.client({ ...link, hostedClient: named });
    await first.get(all.url);
    await all.office.settled(SIZE);
    const second = await all.office.client({ ...link, hostedClient: named });
    expect((await second.get(all.url)).report.bytes).toMatchObject({ hosted: SIZE, origin: 0 });
    const third = await all.office.client({ ...link, hostedClient: unnamed });
    await third.get(all.url);
    const patient = { ...link, discovery: { port, waitMs: PATIENT_MS } };
    const fourth = await all.office.client({ ...patient, hostedClient: unnamed });
    expect((await fourth.get(all.url)).report.bytes).toMatchObject({ peer: SIZE, origin: 0 });
  });
});

describe("addresses", () => {
  it("takes nothing from its own machine unless it is told to", async () => {
    await using all = await scene(SIZE, { allowOwnAddresses: false });
    const client = await all.office.client();
    await client.get(all.url);
    while (all.office.observer.named("offer.refused").length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(all.office.observer.named("offer.refused")[0]?.fields["reason"]).toEqual("loopback");
    expect((await all.office.store.blocks.usage()).bytes).toEqual(0);
  });

  /** Sends `bytes` and gives what comes back. */
  const exchange = (port: number, bytes: string, secure = false): Promise<string> =>
    new Promise((resolve) => {
      const raw = connect(port, "127.0.0.1", () => {
        const [header = "", rest = ""] = bytes.split("|");
        raw.write(header);
        const socket = secure
          ? connectTls({ socket: raw, ca: certificates.ca.cert, servername: "localhost" })
          : raw;
        let text = "";
        socket.on("data", (chunk: Uint8Array) => {
          text += Buffer.from(chunk).toString("latin1");
        });
        socket.on("close", () => resolve(text));
        socket.on("error", () => {});
        socket.write(rest, "latin1");
      });
      raw.on("error", () => {});
    });
  const offer = (path: string, message: string): string => {
    const body = Buffer.from(message, "hex").toString("latin1");
    return `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
  const HTTP_OFFER = offer(
    "/0131501b-d67f-491b-9a40-c4bf27bcb4d4/",
    `${"00020003"}00000000005000000000000000000001${"00000001001057696e494e657400000000000000000004"}${"ab".repeat(32)}`,
  );
  const HTTPS_OFFER = offer(
    "/C574AC30-5794-4AEE-B1BB-6651C5315029/",
    `0001000100000000005000000000000${"0"}${"ab".repeat(32)}`,
  );

  it.each(["PROXY TCP4 192.0.2.7 127.0.0.1 40000 80\r\n", "PROXY TCP4 127.0.0.1 127.0.0.1 40000 80\r\n"])(
    "believes a configured balancer, and pulls from the client it names or not at all: %j",
    async (header) => {
      await using office = await hostedOffice({
        balancers: addressRanges(["127.0.0.1"]),
        https,
        allowOwnAddresses: false,
        retrieval: { requestTimeoutMs: 50 },
      });
      const { serving, servingTls } = office.cache;
      expect(await exchange(serving.port, `${header}|${HTTP_OFFER}`)).toContain("200 OK");
      expect(await exchange(servingTls?.port ?? 0, `${header}|${HTTPS_OFFER}`, true)).toContain("200 OK");
      await office.cache.offers.idle();
      const failed = office.observer.named("hosted.pull_failed").map(({ fields }) => fields["from"]);
      const refused = office.observer.named("offer.refused").map(({ fields }) => fields["reason"]);
      if (header.includes("192.0.2.7")) expect([failed, refused]).toEqual([["192.0.2.7:80"], []]);
      else expect([failed, refused]).toEqual([[], ["loopback"]]);
    },
  );

  it("hangs up on a balancer without a header, and on a header from somebody else", async () => {
    await using office = await hostedOffice({ balancers: addressRanges(["127.0.0.1"]) });
    expect(await exchange(office.cache.serving.port, `GET / HTTP/1.1\r\nHost: a\r\n\r\n|`)).toEqual("");
    await using plain = await hostedOffice({ balancers: addressRanges(["192.0.2.1"]) });
    const header = "PROXY TCP4 192.0.2.7 127.0.0.1 40000 80\r\n";
    expect(await exchange(plain.cache.serving.port, `${header}|${HTTP_OFFER}`)).toContain("400 Bad Request");
    expect(await exchange(plain.cache.serving.port, `|${HTTP_OFFER}`)).toContain("200 OK");
  });
});
