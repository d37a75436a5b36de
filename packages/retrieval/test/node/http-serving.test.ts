import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { fromHex, toHex } from "@branchcache/runtime";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { type ManualClock, manualClock } from "@branchcache/runtime/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type BlockSource,
  createRetrievalServer,
  encodeMessage,
  getBlockList,
  parseResponse,
  RETRIEVAL_PATH,
  RetrievalClient,
  type RetrievalServer,
} from "../../src/index.ts";
import { createRetrievalHttpServer, nodeHttpPort, retrievalRequestListener } from "../../src/node.ts";
import ipxe from "../vectors/ipxe.json" with { type: "json" };

const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;
const captured = parseResponse(hex(ipxe.smallV1.answer));
if (captured.kind !== "block") throw new Error("no block in the capture");
const { data, iv, segmentId } = captured.body;

const source: BlockSource = {
  heldBlocks: async (id) => (toHex(id) === toHex(segmentId) ? [0] : undefined),
  block: async (id, index) =>
    toHex(id) === toHex(segmentId) && index === 0
      ? { sealed: { cipher: captured.cipher, iv, data }, nextBlockIndex: 0 }
      : undefined,
};

let listener: Server;
let server: RetrievalServer;
let port: number;
let clock: ManualClock;

/** Both ways to serve the protocol from Node.js. */
const WAYS: readonly (readonly [string, (server: RetrievalServer) => Server])[] = [
  [
    "listener of a server",
    (retrieval) => {
      const handle = retrievalRequestListener(retrieval);
      return createServer((request, response) => {
        if (!handle(request, response)) response.writeHead(404).end();
      });
    },
  ],
  ["server of its own", (retrieval) => createRetrievalHttpServer(retrieval)],
];

describe.each(WAYS)("%s", (_name, serve) => {
  beforeEach(async () => {
    clock = manualClock();
    server = createRetrievalServer({ source, clock });
    listener = serve(server);
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const address = listener.address();
    port = typeof address === "object" ? (address?.port ?? 0) : 0;
  });

  afterEach(() => {
    listener.closeAllConnections();
    listener.close();
  });

  /** Sends these bytes and gives everything that comes until the end, or until `untilBytes` are there. */
  function talk(text: string, body: Uint8Array = new Uint8Array(0), untilBytes = Number.POSITIVE_INFINITY) {
    return new Promise<Buffer>((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.concat([Buffer.from(text), body])));
      socket.on("data", (chunk) => {
        chunks.push(chunk);
        if (Buffer.concat(chunks).length >= untilBytes) socket.end();
      });
      socket.on("error", reject);
      socket.on("close", () => resolve(Buffer.concat(chunks)));
    });
  }

  const head = (fields: Record<string, string | number>, line = `POST ${RETRIEVAL_PATH} HTTP/1.1`) =>
    `${line}\r\nHost: x\r\n${Object.entries(fields)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("")}\r\n`;

  describe("over HTTP", () => {
    it("PCCRR-2 PCCRR-3 PCCRR-4 PCCRR-8 PCCRR-11 answers iPXE's request with the bytes that iPXE accepted", async () => {
      const request = hex(ipxe.smallV1.request);
      const ipxeHead = `POST ${RETRIEVAL_PATH} HTTP/1.1\r\nContent-Length: 68\r\nConnection: close\r\nUser-Agent: iPXE/2.0.0+ (g0ab22)\r\nHost: 10.77.0.3:8000\r\n\r\n`;
      const answer = await talk(ipxeHead, request);
      const end = answer.indexOf("\r\n\r\n");
      const lines = answer.subarray(0, end).toString("latin1");
      expect(lines).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(lines).toContain("Content-Type: application/octet-stream");
      expect(lines).toContain("Content-Length: 1100");
      expect(toHex(answer.subarray(end + 4))).toBe(ipxe.smallV1.answer);
    });

    it("each of iPXE's requests for five blocks is read", async () => {
      for (const request of ipxe.fiveBlocks) {
        const answer = await server.handle(hex(request), "ipxe");
        expect(answer.kind).toBe("message");
        if (answer.kind === "message") answer.done();
      }
    });

    it("two requests on one connection, the second sent behind the first", async () => {
      const request = hex(ipxe.smallV1.request);
      const one = Buffer.concat([Buffer.from(head({ "Content-Length": 68 })), request]);
      const last = Buffer.concat([Buffer.from(head({ "Content-Length": 68, Connection: "close" })), request]);
      const answer = await talk("", Buffer.concat([one, last]));
      expect(answer.toString("latin1").split("HTTP/1.1 200 OK")).toHaveLength(3);
      expect(server.activeUploads).toBe(0);
    });

    it.each([RETRIEVAL_PATH.toLowerCase(), RETRIEVAL_PATH.toUpperCase()])(
      "PCCRR-12 path %s",
      async (path) => {
        const line = `POST ${path} HTTP/1.1`;
        const answer = await talk(
          head({ "Content-Length": 68, Connection: "close" }, line),
          hex(ipxe.smallV1.request),
        );
        expect(answer.toString("latin1", 0, 15)).toBe("HTTP/1.1 200 OK");
      },
    );

    it.each([
      ["another path", 404, { "Content-Length": 68 }, "POST /other/ HTTP/1.1"],
      [
        "the path with braces",
        404,
        { "Content-Length": 68 },
        "POST /{116B50EB-ECE2-41ac-8429-9F9E963361B7}/ HTTP/1.1",
      ],
      [
        "the path without its last slash",
        404,
        { "Content-Length": 68 },
        `POST ${RETRIEVAL_PATH.slice(0, -1)} HTTP/1.1`,
      ],
      ["GET", 405, {}, `GET ${RETRIEVAL_PATH} HTTP/1.1`],
      ["PUT", 405, { "Content-Length": 68 }, `PUT ${RETRIEVAL_PATH} HTTP/1.1`],
      ["no length", 411, {}, undefined],
      ["a chunked body", 411, { "Transfer-Encoding": "chunked" }, undefined],
      ["98,305 bytes announced", 413, { "Content-Length": 98_305 }, undefined],
      ["15 bytes announced", 400, { "Content-Length": 15 }, undefined],
    ])("PCCRR-133 %s: %i", async (_, status, fields, line) => {
      const answer = await talk(head({ ...(fields as Record<string, string>), Connection: "close" }, line));
      expect(answer.toString("latin1", 0, 12)).toBe(`HTTP/1.1 ${status}`);
      expect(answer.toString("latin1").toLowerCase()).toContain("connection: close");
    });

    it("PCCRR-129 a malformed message: 400, empty, and the connection ends", async () => {
      const answer = await talk(head({ "Content-Length": 68 }), new Uint8Array(68));
      expect(answer.toString("latin1")).toMatch(/^HTTP\/1\.1 400 [\s\S]*Content-Length: 0[\s\S]*\r\n\r\n$/);
    });

    it("PCCRR-109 a body that does not come is given up", async () => {
      const answer = talk(head({ "Content-Length": 68 }), new Uint8Array(20));
      while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(15_000);
      expect(await answer).toHaveLength(0);
      expect(server.activeUploads).toBe(0);
    });

    it("PCCRR-116 a client that leaves frees its slot", async () => {
      await talk(head({ "Content-Length": 68 }), hex(ipxe.smallV1.request), 10);
      while (server.activeUploads > 0) await new Promise((resolve) => setImmediate(resolve));
      expect(clock.pending).toBe(0);
    });
  });

  describe("our client and our server", () => {
    const open = () =>
      new RetrievalClient({
        addresses: [{ address: "127.0.0.1", port }],
        http: nodeHttpPort(),
        clock: systemClock,
        random: systemRandom,
        kind: "hosted",
      });

    it("block, block list, segment list, version", async () => {
      const client = open();
      const [block, list, segments, version] = await Promise.all([
        client.getBlock(segmentId, 0),
        client.getBlockList(segmentId, [0, 1, 2]),
        client.getSegmentList([new Uint8Array(32), segmentId]),
        client.negotiate(),
      ]);
      expect(block).toEqual({
        kind: "block",
        sealed: { cipher: 1, iv: new Uint8Array(iv), data: new Uint8Array(data) },
        nextBlockIndex: 0,
      });
      expect(list).toEqual({ kind: "blockList", ranges: [{ index: 0, count: 1 }], nextBlockIndex: 0 });
      expect(segments).toMatchObject({ kind: "segmentList", held: [1] });
      expect(version).toEqual({ kind: "version", major: 2 });
      expect(await client.getBlock(segmentId, 1)).toEqual({ kind: "empty", nextBlockIndex: 0 });
      client.close();
    });
  });

  it("PCCRR-15 a request with as many ranges as it may have is taken", async () => {
    const ranges = Array.from({ length: 256 }, (_, i) => ({ index: i, count: 1 }));
    const message = encodeMessage(getBlockList, 1, { segmentId, ranges });
    const answer = await talk(head({ "Content-Length": message.length, Connection: "close" }), message);
    expect(answer.toString("latin1", 0, 15)).toBe("HTTP/1.1 200 OK");
  });
});
