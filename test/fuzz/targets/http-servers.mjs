// @ts-check
/**
 * The HTTP servers, asked by whoever writes anything to a socket: blocks, offers of both versions, content of a
 * directory, content of an origin behind the gateway; and the client of peers, answered in the same way.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createNetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "@branchcache/cache-store";
import {
  publishBytes,
  readContentInformation,
  ServerSecret,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine as engine, publishFile } from "@branchcache/content-info/node";
import { parseResponse as parseOfferResponse } from "@branchcache/hosted-cache";
import { createGateway, memoryPublicationStore, peerDistDirectory } from "@branchcache/http-encoding/node";
import {
  closeServer,
  startBlockServer,
  startHostedCacheService,
  startPeerNode,
} from "@branchcache/peer-node";
import {
  block,
  blockList,
  encodeMessage,
  getBlockList,
  getBlocks,
  parseResponse,
  RetrievalClient,
} from "@branchcache/retrieval";
import { nodeHttpPort } from "@branchcache/retrieval/node";
import { systemClock as clock, systemRandom } from "@branchcache/runtime/node";
import { rawExchange } from "../lib/raw-exchange.mjs";
import { utf8, vectorsOf } from "../lib/target.mjs";

/** @typedef {import("../lib/target.mjs").Target} Target */

const RETRIEVAL_PATH = "/116B50EB-ECE2-41ac-8429-9F9E963361B7/";
const OFFER_PATHS = {
  1: "/C574AC30-5794-4AEE-B1BB-6651C5315029/",
  2: "/0131501b-d67f-491b-9a40-c4bf27bcb4d4/",
};
const LOOPBACK = { host: "127.0.0.1", port: 0 };
const DICTIONARY = [
  "\r\n",
  "\r\n\r\n",
  "Content-Length: ",
  "Transfer-Encoding: chunked\r\n",
  "Expect: 100-continue\r\n",
  "Connection: keep-alive\r\n",
  "Connection: Upgrade\r\nUpgrade: websocket\r\n",
  "HTTP/1.0",
  "GET ",
  "HEAD ",
  "OPTIONS * ",
  "Range: bytes=0-0,5-9\r\n",
  "If-None-Match: *\r\n",
  "Accept-Encoding: peerdist\r\n",
  "X-P2P-PeerDist: Version=1.1\r\n",
  "X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=2.0, HashRequest=true\r\n",
  "%2e%2e/",
  "%00",
  "http://127.0.0.1/",
];
/** Between two looks whether the server still does what it is there for. */
const CONTROL_RUNS = 50;

/**
 * @param {string} path
 * @param {Uint8Array} body
 * @param {string} [method]
 * @param {string} [fields]
 */
function http(path, body, method = "POST", fields = "") {
  const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}`;
  const length = method === "POST" ? `Content-Length: ${body.length}\r\n` : "";
  return new Uint8Array(Buffer.concat([Buffer.from(`${head}${length}\r\n`), body]));
}

/** Content-Length becomes what follows the head. @param {Uint8Array} bytes */
function withContentLength(bytes) {
  const text = Buffer.from(bytes).toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return bytes;
  const length = bytes.length - end - 4;
  const head = text.slice(0, end).replace(/content-length:[^\r]*/i, `Content-Length: ${length}`);
  return new Uint8Array(Buffer.from(head + text.slice(end), "latin1"));
}

/** The same, and MsgSize of the message in the body, which starts `prefixBytes` into it. @param {number} prefixBytes */
const withSizes = (prefixBytes) => (/** @type {Uint8Array} */ bytes) => {
  const right = Buffer.from(withContentLength(bytes));
  const body = right.indexOf("\r\n\r\n") + 4;
  const size = right.length - body - prefixBytes;
  if (body < 4 || size < 16) return new Uint8Array(right);
  if (prefixBytes > 0) right.writeUInt32BE(size, body);
  right.writeUInt32BE(size, body + prefixBytes + 8);
  return new Uint8Array(right);
};

/** Status and body of the first answer; undefined where none is whole. @param {Buffer} bytes */
function firstAnswer(bytes) {
  const end = bytes.indexOf("\r\n\r\n");
  const head = end < 0 ? "" : bytes.toString("latin1", 0, end);
  const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(head)?.[1] ?? 0);
  if (bytes.length > 0 && status === 0) throw new Error(`no HTTP: ${bytes.toString("latin1", 0, 60)}`);
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (status === 0 || length === undefined) return { status };
  const body = new Uint8Array(bytes.subarray(end + 4, end + 4 + Number(length)));
  return body.length === Number(length) ? { status, body } : { status };
}

/** @param {Buffer} bytes */
const isWhole = (bytes) => bytes.includes("\r\n\r\n") && firstAnswer(bytes).body !== undefined;

/**
 * A server under raw requests: what it answers with status 200 has to be a message, and a good request works in
 * between.
 * @param {{ port: number, isTls?: boolean }} server
 * @param {Uint8Array} good
 * @param {(body: Uint8Array) => void} check Throws where the body of an answer with status 200 is none.
 * @param {() => Promise<void>} close
 * @returns {import("../lib/target.mjs").Running}
 */
function asked(server, good, check, close) {
  let runs = 0;
  return {
    close,
    async run(bytes) {
      if (runs++ % CONTROL_RUNS === 0) {
        const patient = { quietMs: 10_000, isEnough: isWhole };
        const { status } = firstAnswer((await rawExchange(server, good, patient)).bytes);
        if (status !== 200) throw new Error(`a good request got ${status || "nothing"}`);
      }
      const answer = await rawExchange(server, bytes, { isEnough: isWhole });
      const { status, body } = firstAnswer(answer.bytes);
      if (status === 200 && body) check(body);
      if (status === 500) throw new Error("HTTP 500");
      if (status === 200) return "answered";
      return status === 0 && answer.isOpen ? "waits" : "refused";
    },
  };
}

const content = new Uint8Array(150_001).map((_, i) => (i * i) >> 7);
const secret = ServerSecret.fromPassphrase("of this server");
const { v1 } = publishBytes(content, { engine, versions: [1] });
const information = v1 ? writeContentInformation(v1, secret, engine) : new Uint8Array(0);
const segment = /** @type {import("@branchcache/content-info").Segment} */ (
  readContentInformation(information, engine).segments[0]
);
const askForBlock = encodeMessage(getBlocks, 1, {
  segmentId: segment.id,
  ranges: [{ index: 2, count: 1 }],
  verificationData: new Uint8Array(0),
});
const askForList = encodeMessage(getBlockList, 1, {
  segmentId: segment.id,
  ranges: [{ index: 0, count: 3 }],
});

/** A store that holds the content. */
async function filledStore() {
  const store = createMemoryStore({ limitBytes: 2 ** 24, clock });
  const node = await startPeerNode({ store, mode: "local" });
  const reader = await node.open(information);
  for await (const piece of reader.pieces()) {
    if (piece.kind !== "missing") continue;
    await reader.add(
      piece.offsetBytes,
      content.slice(piece.offsetBytes, piece.offsetBytes + piece.lengthBytes),
    );
  }
  await node.close();
  return store;
}

/** @type {Target} */
const blockServer = {
  name: "server-blocks",
  isServer: true,
  seeds: () =>
    [
      askForBlock,
      askForList,
      ...["version-request", "get-block-list", "get-blocks", "get-segment-list"].flatMap((structure) =>
        vectorsOf("pccrr", structure),
      ),
    ].map((body) => http(RETRIEVAL_PATH, body)),
  dictionary: DICTIONARY,
  repair: withSizes(0),
  maxWork: 5_000_000,
  async open() {
    const store = await filledStore();
    const server = await startBlockServer({ store, listen: LOOPBACK });
    return asked(server.serving, http(RETRIEVAL_PATH, askForBlock), parseResponse, async () => {
      await server.close();
      await store.close();
    });
  },
};

const { cert, key } = JSON.parse(
  readFileSync(new URL("../../support/certificates.json", import.meta.url), "utf8"),
).server;

/**
 * Offers lead to pulls, but never from loopback: nobody else's server is asked whatever port stands in them.
 * @param {1 | 2} version
 * @param {readonly string[]} structures
 * @returns {Target}
 */
const hostedCache = (version, structures) => ({
  name: `server-offers-${version}`,
  isServer: true,
  seeds: () =>
    structures
      .flatMap((structure) => vectorsOf("pchc", structure))
      .map((body) => http(OFFER_PATHS[version], body)),
  dictionary: DICTIONARY,
  repair: withContentLength,
  maxWork: 5_000_000,
  async open() {
    const store = createMemoryStore({ limitBytes: 2 ** 24, clock });
    const service = await startHostedCacheService({
      store,
      http: LOOPBACK,
      https: { listen: LOOPBACK, tls: { cert, key } },
      // Or most of a run would be about being asked too often.
      offersPerSecond: 1_000_000,
      offersAtOnce: 1_000_000,
    });
    const [good] = vectorsOf("pchc", structures[0] ?? "");
    const port = version === 1 ? (service.servingTls?.port ?? 0) : service.serving.port;
    return asked(
      { port, isTls: version === 1 },
      http(OFFER_PATHS[version], good ?? new Uint8Array(0)),
      parseOfferResponse,
      async () => {
        await service.close();
        await store.close();
      },
    );
  },
});

const OFFER =
  "Accept-Encoding: peerdist\r\nX-P2P-PeerDist: Version=1.1\r\n" +
  "X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=2.0\r\n";
const contentRequests = () => [
  http("/content.bin", new Uint8Array(0), "GET"),
  http("/content.bin", new Uint8Array(0), "GET", OFFER),
  http("/content.bin", new Uint8Array(0), "HEAD", OFFER),
  http("/content.bin", new Uint8Array(0), "GET", `${OFFER}Range: bytes=70000-80000\r\n`),
  http("/content.bin", new Uint8Array(0), "GET", "X-P2P-PeerDist: Version=1.1, MissingDataRequest=true\r\n"),
  http("/none", utf8("some body"), "POST"),
];

/** Content Information or content; what else comes is the file server's. @param {Uint8Array} body */
function checkContent(body) {
  if (body.length > content.length) throw new Error(`${body.length} bytes`);
}

/** @type {Target} */
const contentServer = {
  name: "server-content",
  isServer: true,
  seeds: contentRequests,
  dictionary: DICTIONARY,
  maxWork: 5_000_000,
  async open() {
    const root = await mkdtemp(join(tmpdir(), "branchcache-fuzz-"));
    await writeFile(join(root, "content.bin"), content);
    const directory = peerDistDirectory({
      root,
      store: memoryPublicationStore(),
      hashFile: (path, signal) => publishFile(path, { versions: [1, 2], signal }),
      secret,
      engine,
      clock,
      settleMs: 0,
    });
    const server = createServer(directory.handler);
    const port = await listening(server);
    return asked({ port }, http("/content.bin", new Uint8Array(0), "GET"), checkContent, async () => {
      await directory.close();
      await closeServer(server, 0);
      await rm(root, { recursive: true, force: true });
    });
  },
};

/** @type {Target} */
const gateway = {
  name: "server-gateway",
  isServer: true,
  seeds: contentRequests,
  dictionary: DICTIONARY,
  maxWork: 5_000_000,
  async open() {
    const origin = createServer((request, response) => {
      if (request.url !== "/content.bin") response.writeHead(404).end("none");
      else response.writeHead(200, { ETag: '"a"', "Content-Length": String(content.length) }).end(content);
    });
    const originPort = await listening(origin);
    const made = createGateway({
      origin: `http://127.0.0.1:${originPort}`,
      store: memoryPublicationStore(),
      secret,
      engine,
      clock,
    });
    const server = createServer(made.handler);
    const port = await listening(server);
    return asked({ port }, http("/content.bin", new Uint8Array(0), "GET"), checkContent, async () => {
      await made.close();
      await closeServer(server, 0);
      await closeServer(origin, 0);
    });
  },
};

/** @param {import("node:net").Server} server @returns {Promise<number>} */
async function listening(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

/** @param {Uint8Array} body @param {string} [fields] */
const ok = (body, fields = `Content-Length: ${body.length}\r\n`) =>
  new Uint8Array(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${fields}\r\n`), body]));
const sealed = { data: new Uint8Array(18_944), iv: new Uint8Array(16) };
const goodBlock = encodeMessage(block, 1, {
  segmentId: segment.id,
  blockIndex: 2,
  nextBlockIndex: 0,
  ...sealed,
  verification: new Uint8Array(0),
});
const goodList = encodeMessage(blockList, 1, {
  segmentId: segment.id,
  ranges: [{ index: 2, count: 1 }],
  nextBlockIndex: 0,
});

/** @type {Target} */
const peerClient = {
  name: "client-of-peers",
  isServer: true,
  seeds: () => [
    ok(goodList),
    ok(goodBlock),
    ok(goodList, `Content-Length: ${goodList.length}\r\nConnection: close\r\nServer: a\r\n`),
    new Uint8Array(Buffer.concat([Buffer.from("HTTP/1.1 100 Continue\r\n\r\n"), ok(goodList)])),
    ok(
      new Uint8Array(
        Buffer.concat([Buffer.from(`${goodList.length.toString(16)}\r\n`), goodList, utf8("\r\n0\r\n\r\n")]),
      ),
      "Transfer-Encoding: chunked\r\n",
    ),
    utf8("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
  ],
  dictionary: DICTIONARY,
  repair: withSizes(4),
  maxBytes: 20_000,
  maxWork: 5_000_000,
  async open() {
    /** @type {Uint8Array} */
    let answer = new Uint8Array(0);
    const server = createNetServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.end(answer));
    });
    const port = await listening(server);
    return {
      async run(bytes) {
        answer = bytes;
        const client = new RetrievalClient({
          kind: "peer",
          addresses: [{ address: "127.0.0.1", port }],
          http: nodeHttpPort(),
          clock,
          random: systemRandom,
          timeoutMs: 2_000,
        });
        try {
          const answers = [await client.getBlockList(segment.id, [2]), await client.getBlock(segment.id, 2)];
          const timedOut = answers.some((one) => one.kind === "failed" && one.reason === "timeout");
          // The peer closes after its answer: nothing is left to wait for.
          if (timedOut) throw new Error("waits for what cannot come");
          return answers.map(({ kind }) => kind).find((kind) => kind !== "failed") ?? "refused";
        } finally {
          await client.close();
        }
      },
      close: () => new Promise((resolve) => server.close(() => resolve())),
    };
  },
};

export const targets = [
  blockServer,
  hostedCache(1, ["initial-offer", "segment-info"]),
  hostedCache(2, ["batched-offer"]),
  contentServer,
  gateway,
  peerClient,
];
