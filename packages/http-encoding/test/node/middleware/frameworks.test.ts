/** Real applications with the middleware: what they send is hashed as the first client downloads it. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { equalBytes } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { type RecordingObserver, recordingObserver } from "@branchcache/runtime/testing";
import fastifyStatic from "@fastify/static";
import express from "express";
import fastify from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  memoryPublicationStore,
  type PeerDistServerOptions,
  peerDistMiddleware,
  peerDistPlugin,
  type UrlPublications,
  urlPublications,
  withPeerDist,
} from "../../../src/node.ts";
import { EXAMPLE_SECRET, exampleContent, exchangeRaw, type RawAnswer, requestText } from "../http-fixture.ts";
import { type TemporaryRoot, temporaryRoot } from "../temporary-root.ts";

const content = exampleContent(300_001);
const EX = "MinContentInformation=1.0, MaxContentInformation=2.0";
/** As Windows has it: compression is offered as well. */
const OFFER = {
  "Accept-Encoding": "gzip, deflate, peerdist",
  "X-P2P-PeerDist": "Version=1.1",
  "X-P2P-PeerDistEx": EX,
};
const HASH_REQUEST = { ...OFFER, "X-P2P-PeerDistEx": `${EX}, HashRequest=true` };
const isCoded = (answer: RawAnswer) => answer.headers["content-encoding"] === "peerdist";

let root: TemporaryRoot;
let publications: UrlPublications;
let observer: RecordingObserver;
let options: PeerDistServerOptions;
let stop: (() => Promise<unknown>) | undefined;
let port: number;

beforeEach(async () => {
  root = await temporaryRoot();
  await root.write("data.bin", content);
  observer = recordingObserver();
  const common = { engine: nodeHashEngine, clock: systemClock, observer };
  publications = urlPublications({ ...common, store: memoryPublicationStore() });
  options = { ...common, publications, secret: EXAMPLE_SECRET, hideOtherCodings: true };
});

afterEach(async () => {
  await stop?.();
  stop = undefined;
  await publications.close();
  await root.remove();
});

const get = (target: string, headers: Record<string, string>, method = "GET") =>
  exchangeRaw(port, requestText(target, headers, method));
const hashings = () => observer.total("hash_generations_total", { version: "2", result: "ok" });

async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  stop = async () => {
    server.closeAllConnections();
    server.close();
  };
}

async function startExpress(): Promise<void> {
  const app = express();
  app.use(peerDistMiddleware(options));
  // Weak ETag and Last-Modified, as it comes.
  app.use("/static", express.static(root.path));
  app.get("/send", (_request, response) => {
    response.set("ETag", '"sent"').type("bin").send(Buffer.from(content));
  });
  app.get("/weak", (_request, response) => {
    // Express makes a weak ETag of it.
    response.type("bin").send(Buffer.from(content));
  });
  app.get("/private", (request, response) => {
    if (request.headers.authorization !== "Basic eDp5") response.sendStatus(401);
    else response.set("ETag", '"p"').type("bin").send(Buffer.from(content));
  });
  app.get("/piped", (_request, response) => {
    response.set({ ETag: '"piped"', "Content-Length": String(content.length) });
    Readable.from([content.subarray(0, 70_000), content.subarray(70_000)]).pipe(response);
  });
  await listen(createServer(app));
}

async function startFastify(): Promise<void> {
  const app = fastify();
  await app.register(peerDistPlugin, options);
  await app.register(fastifyStatic, { root: root.path, prefix: "/static/" });
  app.get("/send", (_request, reply) => reply.header("ETag", '"sent"').send(Buffer.from(content)));
  app.get("/weak", (_request, reply) => reply.header("ETag", 'W/"w"').send(Buffer.from(content)));
  app.get("/private", (request, reply) =>
    request.headers.authorization === "Basic eDp5"
      ? reply.header("ETag", '"p"').send(Buffer.from(content))
      : reply.code(401).send(),
  );
  app.get("/piped", (_request, reply) =>
    reply
      .headers({ ETag: '"piped"', "Content-Length": content.length })
      .send(Readable.from([content.subarray(0, 70_000), content.subarray(70_000)])),
  );
  await app.listen({ port: 0, host: "127.0.0.1" });
  port = (app.server.address() as AddressInfo).port;
  stop = () => {
    app.server.closeAllConnections();
    return app.close();
  };
}

describe.each([
  ["Express", startExpress],
  ["Fastify", startFastify],
])("%s", (_name, start) => {
  beforeEach(start);

  it.each(["/static/data.bin", "/send", "/piped"])(
    "PCCRTP-27 PCCRTP-35 PCCRTP-47 %s: content first, hashed as it passes, then Content Information",
    async (path) => {
      const first = await get(path, OFFER);
      expect(first.status).toBe(200);
      expect(equalBytes(first.body, content)).toBe(true);
      expect(first.headers["x-p2p-peerdistex"]).toBe("MakeHashRequest=true");
      const asked = await get(path, HASH_REQUEST);
      expect(isCoded(asked)).toBe(true);
      const ready = await get(path, OFFER);
      expect(equalBytes(ready.body, asked.body)).toBe(true);
      expect(ready.headers).toMatchObject({
        "x-p2p-peerdist": `Version=1.1, ContentLength=${content.length}`,
        "cache-control": expect.stringMatching(/^private/),
        vary: expect.stringContaining("X-P2P-PeerDist"),
      });
      const information = readContentInformation(ready.body, nodeHashEngine);
      let offset = 0;
      for (const segment of information.segments) {
        const bytes = content.subarray(offset, offset + segment.lengthBytes);
        expect(segment.blockHashes[0]).toEqual(nodeHashEngine.hash(segment.algorithm, bytes));
        offset += segment.lengthBytes;
      }
      expect(offset).toBe(content.length);
      expect(hashings()).toBe(1);
    },
  );

  it("PCCRTP-12 missing data, and whoever does not ask for the coding, get content", async () => {
    await get("/static/data.bin", HASH_REQUEST);
    const missing = { Range: "bytes=10-19", "X-P2P-PeerDist": "Version=1.1, MissingDataRequest=true" };
    const part = await get("/static/data.bin", missing);
    expect(part).toMatchObject({ status: 206, body: content.slice(10, 20) });
    expect(equalBytes((await get("/static/data.bin", {})).body, content)).toBe(true);
  });

  it("PCCRTP-51 HEAD has the content asked for inside, with the client's rights", async () => {
    const allowed = { ...OFFER, Authorization: "Basic eDp5" };
    expect((await get("/private", allowed, "HEAD")).status).toBe(200);
    expect(isCoded(await get("/private", { ...HASH_REQUEST, Authorization: "Basic eDp5" }))).toBe(true);
    expect(hashings()).toBe(1);
    // PCCRTP-39: nobody else gets it.
    expect((await get("/private", HASH_REQUEST)).status).toBe(401);
    expect(observer.total("http_requests_total")).toBe(3);
  });

  it("PCCRTP-51 the first range waits for Content Information", async () => {
    options = { ...options, rangeWaitMs: 10_000 };
    await stop?.();
    await start();
    const part = await get("/static/data.bin", { ...OFFER, Range: "bytes=0-199999" });
    expect(part.status).toBe(206);
    expect(part.headers["content-range"]).toBe(`bytes 0-199999/${content.length}`);
    expect(isCoded(part)).toBe(true);
  });

  it("a weak ETag alone never names a publication", async () => {
    for (let i = 0; i < 2; i++) expect(isCoded(await get("/weak", HASH_REQUEST))).toBe(false);
    expect(hashings()).toBe(0);
  });

  it("one hashing for many who ask at once", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => get("/send", HASH_REQUEST)));
    expect(answers.every(isCoded)).toBe(true);
    expect(hashings()).toBe(1);
  });

  it("404 and other errors are the application's", async () => {
    expect((await get("/static/none", OFFER)).status).toBe(404);
    expect((await get("/static/../../etc/passwd", OFFER)).status).toBeGreaterThanOrEqual(400);
  });

  it.each<[string, Partial<PeerDistServerOptions>, boolean]>([
    ["too small", { minSizeBytes: 300_002 }, false],
    ["a path left out", { excludePaths: ["/static/*"] }, false],
    ["a path included", { includePaths: ["/static/*"] }, true],
    ["a type left out", { excludeTypes: ["application/*"] }, false],
  ])("settings: %s", async (_what, changes, coded) => {
    options = { ...options, ...changes };
    await stop?.();
    await start();
    expect(isCoded(await get("/static/data.bin", HASH_REQUEST))).toBe(coded);
  });
});

describe("any handler", () => {
  it("Express, mounted: the resource is named as the client names it", async () => {
    const app = express();
    for (const name of ["one", "two"]) {
      app.use(`/${name}`, peerDistMiddleware(options), (_request, response) => {
        const body = name === "one" ? content : content.toReversed();
        response.set("ETag", '"same"').type("bin").send(Buffer.from(body));
      });
    }
    await listen(createServer(app));
    const one = await get("/one/file", HASH_REQUEST);
    const two = await get("/two/file", HASH_REQUEST);
    expect(isCoded(one) && isCoded(two)).toBe(true);
    expect(equalBytes(one.body, two.body)).toBe(false);
  });

  it("a client that leaves in mid-download: the rest is asked for inside", async () => {
    let asked = 0;
    const handler = withPeerDist((_request, response) => {
      asked++;
      const { length } = content;
      response.setHeader("ETag", '"v1"');
      response.setHeader("Content-Length", length);
      response.write(content.subarray(0, 100_000));
      // The first client never gets the rest.
      if (asked > 1) response.end(content.subarray(100_000));
    }, options);
    await listen(createServer(handler));
    const left = new AbortController();
    const url = `http://127.0.0.1:${port}/file`;
    const answer = await fetch(url, { headers: OFFER, signal: left.signal });
    await answer.body?.getReader().read();
    left.abort();
    const again = await fetch(url, { headers: HASH_REQUEST });
    expect(again.headers.get("content-encoding")).toBe("peerdist");
    expect((await again.arrayBuffer()).byteLength).toBeGreaterThan(0);
    expect(hashings()).toBe(1);
  });

  it("bytes that a handler uses again after writing them are hashed as they were", async () => {
    const handler = withPeerDist((_request, response) => {
      response.setHeader("ETag", '"v1"');
      response.setHeader("Content-Length", content.length);
      const piece = Buffer.alloc(content.length);
      piece.set(content);
      response.end(piece, () => piece.fill(0));
    }, options);
    await listen(createServer(handler));
    await get("/file", OFFER);
    const { body } = await get("/file", HASH_REQUEST);
    const [segment] = readContentInformation(body, nodeHashEngine).segments;
    const expected = nodeHashEngine.hash("sha512-truncated", content.subarray(0, segment?.lengthBytes ?? 0));
    expect(segment?.blockHashes[0]).toEqual(expected);
  });

  it("a file that is replaced under the same URL is hashed anew", async () => {
    let version = 1;
    const handler = withPeerDist((_request, response) => {
      response.setHeader("ETag", `"${version}"`);
      response.end(version === 1 ? content : content.toReversed());
    }, options);
    await listen(createServer(handler));
    const old = await get("/file", HASH_REQUEST);
    version = 2;
    expect(isCoded(await get("/file", OFFER))).toBe(false);
    const now = await get("/file", HASH_REQUEST);
    expect(isCoded(now)).toBe(true);
    expect(equalBytes(now.body, old.body)).toBe(false);
  });
});
