import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import {
  contentInformationLength,
  publicationFromColumns,
  publishBytes,
  readContentInformation,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { equalBytes } from "@branchcache/runtime";
import { manualClock, recordingObserver } from "@branchcache/runtime/testing";
import { afterEach, describe, expect, it } from "vitest";
import type { PublicationProvider, Resource } from "../../../src/index.ts";
import { type PeerDistServerOptions, peerDistMiddleware, withPeerDist } from "../../../src/node.ts";
import {
  EXAMPLE_SECRET,
  exampleContent,
  examplePublications,
  exchangeRaw,
  listen,
  requestText,
  type TestServer,
} from "../http-fixture.ts";

const content = exampleContent(200_000);
const hashes = examplePublications(content, nodeHashEngine);
const EX = "MinContentInformation=1.0, MaxContentInformation=2.0";
const OFFER = { "Accept-Encoding": "peerdist", "X-P2P-PeerDist": "Version=1.1", "X-P2P-PeerDistEx": EX };
const HASH_REQUEST = { ...OFFER, "X-P2P-PeerDistEx": `${EX}, HashRequest=true` };
const VARY = "Accept-Encoding, X-P2P-PeerDist, X-P2P-PeerDistEx";

const ready: PublicationProvider = { lookup: async () => hashes, request: async () => {} };

/** Nothing is ready until the test says so. */
function pendingProvider() {
  const asked: Resource[] = [];
  let finish = (): void => {};
  let found: typeof hashes | undefined;
  const job = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let onAsked = (): void => {};
  const firstAsked = new Promise<void>((resolve) => {
    onAsked = resolve;
  });
  const provider: PublicationProvider = {
    lookup: async () => found,
    request: (resource) => {
      asked.push(resource);
      onAsked();
      return job;
    },
  };
  return {
    provider,
    asked,
    firstAsked,
    done(result: typeof hashes | undefined) {
      found = result;
      finish();
    },
  };
}

describe("withPeerDist", () => {
  let server: TestServer;
  const clock = manualClock();
  const observer = recordingObserver();
  afterEach(() => server.close());

  async function serve(options: Partial<PeerDistServerOptions>, handler = plainHandler) {
    server = await listen(
      withPeerDist(handler, {
        publications: ready,
        secret: EXAMPLE_SECRET,
        engine: nodeHashEngine,
        clock,
        observer,
        ...options,
      }),
    );
  }

  /** Ranges the simple way, other statuses by path. */
  const plainHandler: Parameters<typeof listen>[0] = (request, response) => {
    const status = Number(/^\/(\d{3})$/.exec(request.url ?? "")?.[1] ?? 200);
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    response.setHeader("ETag", '"v1"');
    response.setHeader("Content-Type", "image/png");
    response.statusCode = status;
    if (status === 304) {
      response.end();
      return;
    }
    const [start, end] = range ? [Number(range[1]), Number(range[2]) + 1] : [0, content.length];
    if (range) {
      response.statusCode = 206;
      response.setHeader("Content-Range", `bytes ${start}-${end - 1}/${content.length}`);
    }
    const body = content.subarray(start, end);
    response.setHeader("Content-Length", body.length);
    response.end(request.method === "HEAD" ? undefined : body);
  };

  const get = (headers: Record<string, string>, target = "/file", method = "GET") =>
    exchangeRaw(server.port, requestText(target, headers, method));

  it("PCCRTP-27 PCCRTP-31 PCCRTP-32 PCCRTP-33 sends Content Information of the whole", async () => {
    await serve({});
    const { status, headers, body } = await get(OFFER);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-encoding": "peerdist",
      "content-length": String(body.length),
      "content-type": "image/png",
      "cache-control": "private",
      "x-p2p-peerdist": "Version=1.1, ContentLength=200000",
      etag: '"v1"',
      vary: VARY,
    });
    const information = readContentInformation(body, nodeHashEngine);
    expect(information).toMatchObject({ version: 2, range: { startBytes: 0, endBytes: content.length } });
  });

  it.each([
    [1, { ...OFFER, "X-P2P-PeerDist": "Version=1.0" }],
    [2, OFFER],
  ])(
    "PCCRTP-27 PCCRTP-34 sends version %i of Content Information of a part, with the plain Content-Range",
    async (version, offer) => {
      await serve({});
      const { status, headers, body } = await get({ ...offer, Range: "bytes=70000-199999" });
      expect(status).toBe(206);
      expect(headers["content-range"]).toBe("bytes 70000-199999/200000");
      expect(headers["x-p2p-peerdist"]).toMatch(/, ContentLength=130000$/);
      expect(headers["content-length"]).toBe(String(body.length));
      const information = readContentInformation(body, nodeHashEngine);
      expect(information).toMatchObject({ version, range: { startBytes: 70_000, endBytes: 200_000 } });
    },
  );

  it.each<[string, Record<string, string>, string, string]>([
    ["PCCRTP-2 nobody offered", {}, "/file", "GET"],
    [
      "PCCRTP-12 missing data",
      { ...OFFER, "X-P2P-PeerDist": "Version=1.1, MissingDataRequest=true" },
      "/file",
      "GET",
    ],
    [
      "PCCRTP-29 unknown versions",
      { ...OFFER, "X-P2P-PeerDistEx": "MinContentInformation=900.0, MaxContentInformation=999.0" },
      "/file",
      "GET",
    ],
    ["PCCRTP-38 several ranges", { ...OFFER, Range: "bytes=0-1,5-6" }, "/file", "GET"],
    ["PCCRTP-44 HEAD", OFFER, "/file", "HEAD"],
    ["a part shorter than its Content Information", { ...OFFER, Range: "bytes=0-99" }, "/file", "GET"],
  ])("sends content: %s", async (_name, headers, target, method) => {
    await serve({});
    const answer = await get(headers, target, method);
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(answer.headers["x-p2p-peerdist"]).toBeUndefined();
    expect(answer.headers["vary"]).toBe(VARY);
    expect(answer.headers["content-length"]).toBe(
      headers["Range"] === "bytes=0-99" ? "100" : String(content.length),
    );
  });

  it.each([304, 404, 500, 301])("PCCRTP-39 leaves status %i alone", async (status) => {
    await serve({});
    const answer = await get(OFFER, `/${status}`);
    expect(answer.status).toBe(status);
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(answer.headers["vary"]).toBe(status === 304 ? VARY : undefined);
  });

  it("PCCRC-50 PCCRTP-39 gives Content Information only to whom the content would be given", async () => {
    await serve({}, (request, response) => {
      if (request.headers.authorization !== "Basic right") {
        response.writeHead(401, { ETag: '"v1"', "Content-Length": 2 }).end("no");
        return;
      }
      response.setHeader("ETag", '"v1"');
      response.setHeader("Content-Length", content.length);
      response.end(content);
    });
    const refused = await get({ ...OFFER, Authorization: "Basic wrong" });
    expect(refused.status).toBe(401);
    expect(refused.headers["content-encoding"]).toBeUndefined();
    const granted = await get({ ...OFFER, Authorization: "Basic right" });
    expect(granted.headers).toMatchObject({ "content-encoding": "peerdist", "cache-control": "private" });
  });

  it("trap T10: leaves other codings alone", async () => {
    await serve({}, (_request, response) => {
      response.setHeader("ETag", '"v1"');
      response.setHeader("Content-Encoding", "gzip");
      response.end(gzipSync(exampleContent(400_000)));
    });
    expect((await get({ ...OFFER, "Accept-Encoding": "gzip, peerdist" })).headers["content-encoding"]).toBe(
      "gzip",
    );
  });

  it.each<[Record<string, string>, string]>([
    [{ ...OFFER, "Accept-Encoding": "gzip, peerdist" }, "peerdist"],
    [{ "Accept-Encoding": "gzip" }, "gzip"],
  ])("trap T10: can hide other codings from the handler: %j gets %s", async (headers, expected) => {
    await serve({ hideOtherCodings: true }, (request, response) => {
      if (request.headers["accept-encoding"]?.includes("gzip")) {
        response.writeHead(200, { ETag: '"gz"', "Content-Encoding": "gzip" }).end(gzipSync(content));
      } else plainHandler(request, response);
    });
    expect((await get({ ...headers, Connection: "close" })).headers["content-encoding"]).toBe(expected);
  });

  it("PCCRTP-34 never sends hashes of content of another length", async () => {
    const shorter = publishBytes(content.subarray(1), { engine: nodeHashEngine });
    const asked: Resource[] = [];
    await serve({
      publications: { lookup: async () => shorter, request: async (resource) => void asked.push(resource) },
    });
    const answer = await get(OFFER);
    expect(equalBytes(answer.body, content)).toBe(true);
    expect(asked).toEqual([
      { key: "http://content.example/file", validator: '"v1"', sizeBytes: content.length },
    ]);
  });

  it("leaves small resources alone, and asks for no hashes of them", async () => {
    const { provider, asked } = pendingProvider();
    await serve({ publications: provider, minSizeBytes: content.length + 1 });
    const answer = await get(OFFER);
    expect(answer.headers["x-p2p-peerdistex"]).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it.each([
    [1, "Version=1.1", EX],
    [2, "Version=1.1", EX],
  ] as const)("sends only version %i where only that is configured", async (version, peerDist, ex) => {
    await serve({ versions: [version] });
    const { body } = await get({ ...OFFER, "X-P2P-PeerDist": peerDist, "X-P2P-PeerDistEx": ex });
    expect(readContentInformation(body, nodeHashEngine).version).toBe(version);
  });

  it("PCCRTP-16 PCCRTP-35 PCCRTP-40 sends content at once when hashes are not ready", async () => {
    const { provider, asked } = pendingProvider();
    await serve({ publications: provider });
    const answer = await get(OFFER);
    expect(answer.headers).toMatchObject({
      "x-p2p-peerdist": "Version=1.1",
      "x-p2p-peerdistex": "MakeHashRequest=true",
      vary: VARY,
    });
    expect(equalBytes(answer.body, content)).toBe(true);
    expect(asked).toHaveLength(1);
  });

  it("PCCRTP-51 HEAD asks for the hashes", async () => {
    const { provider, firstAsked } = pendingProvider();
    await serve({ publications: provider });
    // Also as a hash request it waits for nothing.
    const answer = await get(HASH_REQUEST, "/file", "HEAD");
    await firstAsked;
    expect(clock.pending).toBe(0);
    expect(answer.headers["x-p2p-peerdistex"]).toBeUndefined();
  });

  it("PCCRTP-17 PCCRTP-24 a hash request waits for the hashes", async () => {
    const pending = pendingProvider();
    await serve({ publications: pending.provider });
    const answer = get(HASH_REQUEST);
    await pending.firstAsked;
    pending.done(hashes);
    expect((await answer).headers["content-encoding"]).toBe("peerdist");
    expect(clock.pending).toBe(0);
  });

  it.each<[string, Record<string, string>, Partial<PeerDistServerOptions>, number]>([
    ["a hash request", HASH_REQUEST, {}, 10_000],
    ["a hash request, configured", HASH_REQUEST, { hashRequestWaitMs: 500 }, 500],
    ["PCCRTP-51 a ranged request", { ...OFFER, Range: "bytes=0-199998" }, { rangeWaitMs: 700 }, 700],
  ])("%s gets content when its time is up", async (_name, headers, options, waitMs) => {
    const pending = pendingProvider();
    await serve({ ...options, publications: pending.provider });
    let settled = false;
    const answer = get(headers).finally(() => {
      settled = true;
    });
    await pending.firstAsked;
    await clock.settle();
    await clock.advance(waitMs - 1);
    expect(settled).toBe(false);
    expect(clock.nextInMs).toBe(1);
    await clock.advance(1);
    const { headers: fields, body } = await answer;
    expect(fields["content-encoding"]).toBeUndefined();
    expect(fields["x-p2p-peerdistex"]).toBe(headers === HASH_REQUEST ? undefined : "MakeHashRequest=true");
    expect(body.length).toBe(headers === HASH_REQUEST ? content.length : content.length - 1);
    expect(clock.pending).toBe(0);
  });

  it("trap T6: a hash request whose hashes could not be made gets content without MakeHashRequest", async () => {
    const pending = pendingProvider();
    await serve({ publications: pending.provider });
    const answer = get(HASH_REQUEST);
    await pending.firstAsked;
    pending.done(undefined);
    expect((await answer).headers["x-p2p-peerdistex"]).toBeUndefined();
    expect(equalBytes((await answer).body, content)).toBe(true);
  });

  it.each<[string, PublicationProvider]>([
    [
      "fails",
      { lookup: () => Promise.reject(new Error("disk")), request: () => Promise.reject(new Error("disk")) },
    ],
    [
      "throws",
      {
        lookup: () => {
          throw new Error("disk");
        },
        request: async () => {},
      },
    ],
  ])("PCCRTP-40 sends content when the provider %s", async (_how, publications) => {
    await serve({ publications });
    expect(equalBytes((await get(OFFER)).body, content)).toBe(true);
  });

  it("PCCRTP-40 sends content when the provider does not answer", async () => {
    let onLookup = (): void => {};
    const lookedUp = new Promise<void>((resolve) => {
      onLookup = resolve;
    });
    await serve({
      publications: {
        lookup: () => {
          onLookup();
          return new Promise(() => {});
        },
        request: async () => {},
      },
      lookupWaitMs: 50,
    });
    const answer = get(OFFER);
    await lookedUp;
    await clock.advance(50);
    expect(equalBytes((await answer).body, content)).toBe(true);
  });

  it("PCCRTP-3 PCCRTP-18 PCCRTP-26 answers HTTP/1.0 alike", async () => {
    await serve({});
    const text = requestText("/file", OFFER).replace("HTTP/1.1", "HTTP/1.0");
    const { headers, body } = await exchangeRaw(server.port, text);
    expect(headers).toMatchObject({ "content-encoding": "peerdist", "content-length": String(body.length) });
  });

  it("sends Content Information of a very large file piece by piece, and none of the file", async () => {
    const segments = 20_000;
    const large = publicationFromColumns({
      version: 2,
      algorithm: "sha512-truncated",
      segmentLengths: new Uint32Array(segments).fill(65_536),
      hashesOfData: exampleContent(32 * segments),
      blockHashes: new Uint8Array(0),
    });
    let pieces = 0;
    const file = new Readable({
      read() {
        pieces++;
        this.push(Buffer.alloc(65_536));
      },
    });
    const publications = { lookup: async () => ({ v2: large }), request: async () => {} };
    await serve({ publications }, (_request, response) => {
      response.setHeader("ETag", '"v1"');
      response.setHeader("Content-Length", large.lengthBytes);
      file.pipe(response);
    });
    const { body } = await get(OFFER);
    expect(body.length).toBe(contentInformationLength(large));
    expect(equalBytes(body, writeContentInformation(large, EXAMPLE_SECRET, nodeHashEngine))).toBe(true);
    expect(pieces).toBeLessThan(10);
    expect(file.destroyed).toBe(true);
  });

  it("counts requests and bytes", async () => {
    await serve({});
    const before = (labels: Record<string, string>) => observer.total("http_requests_total", labels);
    const labels = { peerdist: "true", answer: "content_info" };
    const [requests, sent, projected] = [
      before(labels),
      observer.total("content_info_sent_bytes_total"),
      observer.total("projected_bytes_total"),
    ];
    const retrievals = () => observer.total("hash_retrievals_total", { version: "2", result: "ok" });
    const handedOut = retrievals();
    const { body } = await get(OFFER);
    expect(retrievals()).toBe(handedOut + 1);
    expect(before(labels)).toBe(requests + 1);
    expect(observer.total("content_info_sent_bytes_total")).toBe(sent + body.length);
    expect(observer.total("projected_bytes_total")).toBe(projected + content.length);
    const missing = { peerdist: "false", answer: "missing_data" };
    const missed = before(missing);
    await get({ "X-P2P-PeerDist": "Version=1.1, MissingDataRequest=true" });
    expect(before(missing)).toBe(missed + 1);
  });

  it("works as middleware", async () => {
    const middleware = peerDistMiddleware({
      publications: ready,
      secret: EXAMPLE_SECRET,
      engine: nodeHashEngine,
      clock,
    });
    server = await listen((request, response) =>
      middleware(request, response, () => plainHandler(request, response)),
    );
    expect((await get(OFFER)).headers["content-encoding"]).toBe("peerdist");
  });
});
