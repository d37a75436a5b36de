/** The gateway before an origin that does as the test says: who gets Content Information, and when. */
import { contentInformationLength, readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { equalBytes } from "@branchcache/runtime";
import { afterEach, describe, expect, it } from "vitest";
import { memoryPublicationStore } from "../../../src/node.ts";
import { exampleContent, examplePublications, exchangeRaw, requestText } from "../http-fixture.ts";
import {
  gatewayBefore,
  HASH_REQUEST,
  OFFER,
  serveFile,
  type TestGateway,
  type TestOrigin,
  testOrigin,
} from "./gateway-fixture.ts";

const content = exampleContent(300_001);
const other = exampleContent(300_002).reverse();
const OLD = "Thu, 01 Jan 1998 00:00:00 GMT";

let origin: TestOrigin;
let gateway: TestGateway;
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await origin.close();
});

async function start(
  handler: Parameters<typeof testOrigin>[0],
  options: Parameters<typeof gatewayBefore>[1] = {},
) {
  origin = await testOrigin(handler);
  gateway = await gatewayBefore(origin.url, options);
}
const get = (headers: Record<string, string> = {}, target = "/file", method = "GET") =>
  exchangeRaw(gateway.port, requestText(target, headers, method));

/** Ready for the first client who asks. */
async function hashed(options: Parameters<typeof gatewayBefore>[1] = {}, file = serveFile(content)) {
  await start(file, options);
  await get(OFFER);
  await gateway.whenHashed();
}
/** Hashing that goes on until the gateway is closed. */
const stuck = (_source: unknown, signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
const isCoded = (answer: { headers: Readonly<Record<string, string>> }) =>
  answer.headers["content-encoding"] === "peerdist";

describe("gateway: sequences", () => {
  it("PCCRTP-35 PCCRTP-16 the first answer is the content, hashed as it passes, and asks to come back", async () => {
    await start(serveFile(content));
    const first = await get(OFFER);
    expect(equalBytes(first.body, content)).toBe(true);
    expect(first.headers).toMatchObject({
      "x-p2p-peerdistex": "MakeHashRequest=true",
      "cache-control": "private",
    });
    await gateway.whenHashed();
    expect(origin.seen.map(({ method }) => method)).toEqual(["GET"]);
  });

  it.each([
    ["1.0", 1],
    ["2.0", 2],
  ])(
    "PCCRTP-27 PCCRTP-28 then Content Information, up to version %s, which verifies",
    async (max, version) => {
      await hashed();
      const ex = `MinContentInformation=1.0, MaxContentInformation=${max}`;
      const answer = await get({ ...OFFER, "X-P2P-PeerDistEx": ex });
      expect(answer.headers).toMatchObject({
        "content-encoding": "peerdist",
        "content-type": "application/octet-stream",
        "cache-control": "private",
        vary: "Accept-Encoding, X-P2P-PeerDist, X-P2P-PeerDistEx",
        "x-p2p-peerdist": "Version=1.1, ContentLength=300001",
      });
      const information = readContentInformation(answer.body, nodeHashEngine);
      expect(information.version).toBe(version);
      let position = 0;
      for (const segment of information.segments) {
        for (const hash of segment.blockHashes) {
          const endBytes = Math.min(
            position + segment.blockSizeBytes,
            segment.offsetBytes + segment.lengthBytes,
          );
          const block = content.subarray(position, endBytes);
          expect(nodeHashEngine.hash(segment.algorithm, block)).toEqual(Uint8Array.from(hash));
          position = endBytes;
        }
      }
      expect(position).toBe(content.length);
    },
  );

  it("PCCRTP-24 a hash request waits, and content for it is fetched beside it", async () => {
    await start(serveFile(content));
    const answer = await get(HASH_REQUEST);
    expect(isCoded(answer)).toBe(true);
    expect(origin.seen).toHaveLength(2);
  });

  it("PCCRTP-12 missing data by range is plain, and counted", async () => {
    await hashed();
    const answer = await get({
      Range: "bytes=65536-131071",
      "X-P2P-PeerDist": "Version=1.1, MissingDataRequest=true",
    });
    expect(answer.status).toBe(206);
    expect(equalBytes(answer.body, content.subarray(65_536, 131_072))).toBe(true);
    expect(gateway.observer.total("miss_bytes_total", { cause: "branch" })).toBe(65_536);
  });

  it.each([
    ["bytes=70000-199999", 70_000, 200_000],
    ["bytes=200000-", 200_000, 300_001],
    ["bytes=-100001", 200_000, 300_001],
  ])(
    "PCCRTP-38 Range %s: 206 with Content Information of the part, released by a 304",
    async (range, startBytes, endBytes) => {
      await hashed();
      const answer = await get({ ...OFFER, Range: range });
      expect(answer.status).toBe(206);
      expect(answer.headers["content-range"]).toBe(`bytes ${startBytes}-${endBytes - 1}/300001`);
      expect(readContentInformation(answer.body, nodeHashEngine).range).toEqual({ startBytes, endBytes });
      expect(origin.seen.at(-1)?.headers["if-none-match"]).toBeDefined();
    },
  );

  it("PCCRTP-38 a range beyond the end is the origin's to refuse, several ranges are the origin's to send", async () => {
    await hashed();
    expect((await get({ ...OFFER, Range: "bytes=400000-500000" })).status).toBe(416);
    expect(isCoded(await get({ ...OFFER, Range: "bytes=0-99999,200000-299999" }))).toBe(false);
  });

  it("PCCRTP-51 BITS: HEAD starts the hashing, and its ranged GETs wait for Content Information", async () => {
    await start(serveFile(content), { rangeWaitMs: 30_000 });
    const head = await get(OFFER, "/file", "HEAD");
    expect(head.headers["content-length"]).toBe("300001");
    expect(isCoded(head)).toBe(false);
    const bits = { ...OFFER, "Accept-Encoding": "peerdist, identity" };
    const parts = await Promise.all([
      get({ ...bits, Range: "bytes=0-149999" }),
      get({ ...bits, Range: "bytes=150000-300000" }),
    ]);
    expect(parts.map(isCoded)).toEqual([true, true]);
    expect((await get({ ...bits, Range: "bytes=0-149999", "If-Modified-Since": OLD })).status).toBe(206);
    expect(gateway.hashed()).toBe(1);
  });

  it("PCCRTP-51 a wait that is over gives the plain range", async () => {
    await start(serveFile(content), { rangeWaitMs: 1, hashStream: stuck });
    const answer = await get({ ...OFFER, Range: "bytes=0-99999" });
    expect(answer.status).toBe(206);
    expect(equalBytes(answer.body, content.subarray(0, 100_000))).toBe(true);
  });

  it("one hashing for many who ask at once", async () => {
    await start(serveFile(content));
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(OFFER)));
    for (const answer of answers) expect(answer.status).toBe(200);
    await gateway.whenHashed();
    expect(isCoded(await get(OFFER))).toBe(true);
    expect(gateway.hashed()).toBe(1);
  });
});

describe("gateway: the origin decides", () => {
  it("PCCRTP-39 each request goes to the origin under our condition, and its 304 releases", async () => {
    await hashed();
    const before = origin.seen.length;
    expect(isCoded(await get(OFFER))).toBe(true);
    expect(origin.seen.slice(before)).toMatchObject([{ headers: { "accept-encoding": "identity" } }]);
    expect(origin.seen.at(-1)?.headers["if-none-match"]).toMatch(/^"[0-9a-f]{32}"$/);
    expect(origin.seen.at(-1)?.headers).not.toHaveProperty("x-p2p-peerdist");
  });

  it.each([401, 403, 404, 410, 500, 503])("PCCRTP-39 a %i goes to the client as it is", async (status) => {
    await hashed();
    origin.answer((_request, response) =>
      response.writeHead(status, { "X-Reason": "no", "Content-Length": 3 }).end("no\n"),
    );
    const answer = await get(OFFER);
    expect(answer).toMatchObject({ status, headers: { "x-reason": "no" } });
    expect(isCoded(answer)).toBe(false);
  });

  it("PCCRTP-39 credentials decide each time", async () => {
    const file = serveFile(content);
    await start((request, response) => {
      if (request.headers.authorization === "Basic YWxpY2U6YQ==") file(request, response);
      else response.writeHead(403, { "Content-Length": 0 }).end();
    });
    const alice = { ...OFFER, Authorization: "Basic YWxpY2U6YQ==" };
    await get(alice);
    await gateway.whenHashed();
    expect(isCoded(await get(alice))).toBe(true);
    expect((await get({ ...OFFER, Authorization: "Basic Ym9iOmI=" })).status).toBe(403);
    expect((await get(OFFER)).status).toBe(403);
  });

  it("a file that was replaced is new content, hashed anew", async () => {
    await hashed();
    origin.answer(serveFile(other));
    const plain = await get(OFFER);
    expect(equalBytes(plain.body, other)).toBe(true);
    await gateway.whenHashed(2);
    const coded = await get(OFFER);
    expect(coded.headers["x-p2p-peerdist"]).toContain(`ContentLength=${other.length}`);
  });

  it.each([
    ["another ETag", { ETag: '"another"' }],
    ["a weak ETag", { ETag: 'W/"x"' }],
  ])("a 304 with %s releases nothing", async (_name, headers) => {
    await hashed();
    const file = serveFile(content, { conditional: false });
    origin.answer((request, response) => {
      if (request.headers["if-none-match"]) response.writeHead(304, headers).end();
      else file(request, response);
    });
    const before = origin.seen.length;
    await get(OFFER);
    expect(origin.seen.slice(before).map(({ headers }) => headers["if-none-match"] !== undefined)).toEqual([
      true,
      false,
    ]);
  });

  it("where conditions are ignored, the 200 with the same ETag releases", async () => {
    await hashed({}, serveFile(content, { conditional: false }));
    expect(isCoded(await get(OFFER))).toBe(true);
  });

  it.each(["If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range"])(
    "PCCRTP-38 %s of the client goes alone",
    async (name) => {
      await hashed();
      const value = name === "If-Range" || name.endsWith("Match") ? '"mine"' : OLD;
      await get({ ...OFFER, [name]: value });
      const { headers } = origin.seen.at(-1) ?? { headers: {} };
      const sent = Object.keys(headers).filter((field) => field.startsWith("if-"));
      expect(sent).toEqual([name.toLowerCase()]);
      expect((headers as Record<string, unknown>)[name.toLowerCase()]).toBe(value);
    },
  );

  it("PCCRTP-38 the client's own condition may be answered with 304", async () => {
    await hashed();
    const etag = String((await get()).headers["etag"]);
    const answer = await get({ ...OFFER, "If-None-Match": etag });
    expect(answer.status).toBe(304);
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(answer.headers["vary"]).toContain("X-P2P-PeerDist");
  });

  it("a 304's own fields win over those kept", async () => {
    const file = serveFile(content, { headers: { "Cache-Control": "max-age=60", "Content-Language": "de" } });
    await hashed({}, file);
    origin.answer((request, response) => {
      response.writeHead(304, {
        ETag: String(request.headers["if-none-match"]),
        "Cache-Control": "public, max-age=5",
        "Set-Cookie": "a=b",
      });
      response.end();
    });
    const { headers } = await get(OFFER);
    expect(headers).toMatchObject({
      "cache-control": "private, max-age=5",
      "content-language": "de",
      "set-cookie": "a=b",
      "content-encoding": "peerdist",
    });
  });
});

describe("gateway: what keys a publication", () => {
  it.each<[string, Parameters<typeof serveFile>[1], boolean]>([
    ["a strong ETag", {}, true],
    ["a weak ETag", { etag: 'W/"1"' }, false],
    ["a weak ETag with an old Last-Modified", { etag: 'W/"1"', headers: { "Last-Modified": OLD } }, false],
    ["an old Last-Modified", { etag: undefined, headers: { "Last-Modified": OLD } }, true],
    [
      "a Last-Modified of the answer's own second",
      { etag: undefined, headers: { "Last-Modified": OLD, Date: OLD } },
      false,
    ],
    ["nothing", { etag: undefined }, false],
    ["no-store", { headers: { "Cache-Control": "no-store" } }, false],
    ["a content coding", { headers: { "Content-Encoding": "gzip" } }, false],
  ])("%s", async (_name, file, coded) => {
    await start(serveFile(content, file));
    expect(isCoded(await get(HASH_REQUEST))).toBe(coded);
    expect(isCoded(await get(OFFER))).toBe(coded);
  });

  it("Last-Modified is asked for by If-Modified-Since", async () => {
    await hashed({}, serveFile(content, { etag: undefined, headers: { "Last-Modified": OLD } }));
    expect(isCoded(await get(OFFER))).toBe(true);
    expect(origin.seen.at(-1)?.headers["if-modified-since"]).toBe(OLD);
  });

  it("a date does not tell apart what the origin chooses by a cookie", async () => {
    await start(serveFile(content, { etag: undefined, headers: { "Last-Modified": OLD, Vary: "Cookie" } }));
    expect(isCoded(await get(HASH_REQUEST))).toBe(false);
    expect(isCoded(await get(OFFER))).toBe(false);
    expect(gateway.hashed()).toBe(0);
  });

  it("PCCRTP-2 nobody else sees a difference but Vary", async () => {
    await hashed();
    const direct = await exchangeRaw(origin.port, requestText("/file", { "Accept-Encoding": "gzip" }));
    const through = await get({ "Accept-Encoding": "gzip" });
    expect(equalBytes(through.body, direct.body)).toBe(true);
    const { date: _1, ...plain } = direct.headers;
    const { date: _2, vary, "keep-alive": _3, ...passed } = through.headers;
    expect(vary).toBe("Accept-Encoding, X-P2P-PeerDist, X-P2P-PeerDistEx");
    const { "keep-alive": _4, ...expected } = plain;
    expect(passed).toEqual(expected);
    expect(origin.seen.at(-1)?.headers["accept-encoding"]).toBe("gzip");
  });

  it.each<[string, Parameters<typeof gatewayBefore>[1], boolean]>([
    ["too small", { minSizeBytes: 300_002 }, false],
    ["large enough", { minSizeBytes: 300_001 }, true],
    ["a path left out", { excludePaths: ["*.ipxe", "/fi*"] }, false],
    ["a path not included", { includePaths: ["/images/*"] }, false],
    ["a path included", { includePaths: ["/images/*", "/file"] }, true],
    ["a type left out", { excludeTypes: ["application/*"] }, false],
    ["a type not included", { includeTypes: ["video/*"] }, false],
    ["a type included", { includeTypes: ["APPLICATION/octet-stream"] }, true],
  ])("settings: %s", async (_name, options, coded) => {
    await start(serveFile(content), options);
    expect(isCoded(await get(HASH_REQUEST))).toBe(coded);
  });

  it("gateways with one store and one secret give the same identifiers, hashed once", async () => {
    const store = memoryPublicationStore();
    await hashed({ store });
    const first = await get(OFFER);
    await using second = await gatewayBefore(origin.url, { store });
    const answer = await exchangeRaw(second.port, requestText("/file", OFFER));
    expect(equalBytes(answer.body, first.body)).toBe(true);
    expect(second.hashed()).toBe(0);
  });

  it("PCCRTP-11 a hash of other length than announced is not used", async () => {
    await start(serveFile(content), {
      hashStream: async (source) => {
        for await (const _ of source);
        return examplePublications(other, nodeHashEngine);
      },
    });
    expect(isCoded(await get(HASH_REQUEST))).toBe(false);
    expect(isCoded(await get(OFFER))).toBe(false);
  });

  it("counts requests and bytes as operations wants them", async () => {
    await hashed();
    const { observer } = gateway;
    expect(observer.total("http_requests_total", { peerdist: "true", answer: "content" })).toBe(1);
    expect(observer.total("miss_bytes_total", { cause: "no_content_info" })).toBe(content.length);
    const { body } = await get(OFFER);
    await get();
    expect(observer.total("http_requests_total", { peerdist: "true", answer: "content_info" })).toBe(1);
    expect(observer.total("http_requests_total", { peerdist: "false", answer: "content" })).toBe(1);
    expect(observer.total("content_info_sent_bytes_total")).toBe(body.length);
    expect(observer.total("projected_bytes_total")).toBe(2 * content.length);
    const publications = examplePublications(content, nodeHashEngine);
    expect(body.length).toBeLessThan(contentInformationLength(publications.v1 as never));
  });

  it("logs no query", async () => {
    await start(serveFile(content));
    await get(OFFER, "/file?token=hush");
    await gateway.whenHashed();
    origin.answer((_request, response) => response.destroy());
    expect((await get({}, "/file?token=hush")).status).toBe(502);
    const fields = gateway.observer.events.map(({ fields }) => JSON.stringify(fields));
    expect(fields.join("\n")).not.toContain("hush");
    expect(fields.join("\n")).toContain("/file");
  });
});
