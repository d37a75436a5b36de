/** Downloads that broke off, and what the next one does with the part that is there. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type OriginClient, originClient } from "@branchcache/http-encoding/node";
import { systemClock } from "@branchcache/runtime/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import type { BranchCache, ContentReader } from "../src/branch-cache.ts";
import { download } from "../src/download/download.ts";
import { createFileSink } from "../src/download/file-sink.ts";

const content = Buffer.alloc(
  600_000,
  Uint8Array.from({ length: 251 }, (_, i) => i),
);
const noBranch: BranchCache = {
  open: () => Promise.reject(new Error("no Content Information was sent")),
  close: async () => {},
};

describe("a download that broke off", () => {
  let directory: string;
  let target: string;
  let server: Server;
  let url: string;
  let origin: OriginClient;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const ranges: (string | undefined)[] = [];

  beforeEach(async () => {
    directory = await temporaryDirectory();
    target = join(directory, "file");
    ranges.length = 0;
    server = createServer((request, response) => {
      ranges.push(request.headers.range);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file?token=hush`;
    origin = originClient({ clock: systemClock });
  });
  afterEach(async () => {
    await origin.close();
    server.closeAllConnections();
    server.close();
  });

  const serve =
    (bytes: Buffer, headers: Record<string, string>, cutAt = bytes.length) =>
    (request: IncomingMessage, response: ServerResponse): void => {
      const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const same = request.headers["if-range"] === (headers["ETag"] ?? headers["Last-Modified"]);
      const from = same ? start : 0;
      response.writeHead(from > 0 ? 206 : 200, {
        ...headers,
        "Content-Length": bytes.length - from,
        ...(from > 0 && { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
      });
      if (cutAt === bytes.length) response.end(bytes.subarray(from));
      else response.write(bytes.subarray(from, cutAt), () => setImmediate(() => response.socket?.end()));
    };

  async function get(from = url) {
    await using sink = await createFileSink(target, from);
    const report = await download({ url: from, origin, branchCache: noBranch, sink, clock: systemClock });
    await sink.commit();
    return report;
  }
  /** What the broken download left; how much the connection still gave is not certain. */
  const keptBytes = async (): Promise<number> =>
    JSON.parse(await readFile(join(directory, ".file.part.json"), "utf8")).lengthBytes;
  const V1 = { ETag: '"1"' };

  it("goes on where it was, under If-Range", async () => {
    answer = serve(content, V1, 400_000);
    await expect(get()).rejects.toMatchObject({ code: "BC_ORIGIN_CLOSED" });
    expect((await readdir(directory)).sort()).toEqual([".file.part", ".file.part.json"]);
    expect(await readFile(join(directory, ".file.part.json"), "utf8")).not.toContain("hush");
    answer = serve(content, V1);
    const kept = await keptBytes();
    expect(kept).toBeGreaterThan(0);
    const report = await get();
    expect(report.bytes).toMatchObject({ local: kept, origin: content.length - kept });
    expect(ranges).toEqual([undefined, undefined, `bytes=${kept}-599999`]);
    expect((await readFile(target)).equals(content)).toBe(true);
    expect(await readdir(directory)).toEqual(["file"]);
  });

  it("goes on more than once", async () => {
    for (const cutAt of [100_000, 350_000]) {
      answer = serve(content, V1, cutAt);
      await expect(get()).rejects.toMatchObject({ code: "BC_ORIGIN_CLOSED" });
    }
    const kept = await keptBytes();
    expect(ranges.at(-1)).toBeDefined();
    answer = serve(content, V1);
    expect((await get()).bytes).toMatchObject({ local: kept, origin: content.length - kept });
    expect((await readFile(target)).equals(content)).toBe(true);
  });

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ["another ETag", V1, { ETag: '"2"' }],
    ["a weak ETag alone", { ETag: 'W/"1"' }, { ETag: 'W/"1"' }],
    ["no validator any more", V1, {}],
  ])("begins anew where there is %s", async (_name, before, after) => {
    const other = Buffer.from(content.subarray(0, 500_000)).reverse();
    answer = serve(content, before, 400_000);
    await expect(get()).rejects.toThrow();
    answer = serve(other, after);
    expect((await get()).bytes).toMatchObject({ local: 0, origin: 500_000 });
    expect((await readFile(target)).equals(other)).toBe(true);
  });

  it("keeps nothing without a validator, and nothing of another URL", async () => {
    answer = serve(content, {}, 400_000);
    await expect(get()).rejects.toThrow();
    expect(await readdir(directory)).toEqual([]);
    answer = serve(content, V1, 400_000);
    await expect(get()).rejects.toThrow();
    answer = serve(content, V1);
    expect((await get(url.replace("hush", "other"))).bytes).toMatchObject({ local: 0, origin: 600_000 });
    expect(await readdir(directory)).toEqual(["file"]);
  });

  it.each(["", "junk", "{}", '{"content":"x","validator":{"etag":1},"lengthBytes":5}'])(
    "a note of %s is none",
    async (note) => {
      await writeFile(join(directory, ".file.part.json"), note);
      await writeFile(join(directory, ".file.part"), "xxxxx");
      answer = serve(content, V1);
      await get();
      expect((await readFile(target)).equals(content)).toBe(true);
    },
  );

  it("hands its part to the node, block by block, where there is Content Information now", async () => {
    answer = serve(content, V1, 400_000);
    await expect(get()).rejects.toThrow();
    const BLOCK = 1_000;
    const seededBytes = Math.floor((await keptBytes()) / BLOCK) * BLOCK;
    const held = new Set<number>();
    const blockAt = (offsetBytes: number) => ({
      offsetBytes,
      lengthBytes: Math.min(BLOCK, content.length - offsetBytes),
    });
    const reader: ContentReader = {
      range: { startBytes: 0, endBytes: content.length },
      blockAt,
      async *pieces() {
        for (let at = 0; at < content.length; at += BLOCK) {
          const { offsetBytes, lengthBytes } = blockAt(at);
          const bytes = content.subarray(at, at + lengthBytes);
          if (held.has(at)) yield { kind: "data", offsetBytes, bytes, source: "local" };
          else yield { kind: "missing", offsetBytes, lengthBytes, reason: "no-peer" };
        }
      },
      async add(offset, bytes) {
        const block = blockAt(offset);
        if (!content.subarray(offset, offset + block.lengthBytes).equals(bytes)) return "mismatch";
        held.add(offset);
        return "kept";
      },
      explain: async () => ({ peers: [], questions: [], segments: [] }),
      close: async () => {},
      [Symbol.asyncDispose]: async () => {},
    };
    answer = (request, response) => {
      if (request.headers.range) {
        serve(content, V1)(request, response);
        return;
      }
      response.writeHead(200, {
        ...V1,
        "Content-Encoding": "peerdist",
        "X-P2P-PeerDist": `Version=1.1, ContentLength=${content.length}`,
      });
      response.end(Buffer.of(0, 2, 0, 0));
    };
    await using sink = await createFileSink(target, url);
    const branchCache: BranchCache = { open: async () => reader, close: async () => {} };
    const report = await download({ url, origin, branchCache, sink, clock: systemClock });
    await sink.commit();
    expect(report.bytes).toMatchObject({ local: seededBytes, origin: content.length - seededBytes });
    expect((await readFile(target)).equals(content)).toBe(true);
  });

  it("leaves nothing where there is no room for a note, and says what ended it", async () => {
    answer = serve(content, V1, 400_000);
    await mkdir(join(directory, ".file.part.json"));
    await expect(get()).rejects.toMatchObject({ code: "BC_ORIGIN_CLOSED" });
    expect(await readdir(directory)).toEqual([".file.part.json"]);
  });

  it("is an ordinary download where that is asked for", async () => {
    let offered: string | undefined;
    answer = (request, response) => {
      offered = request.headers["x-p2p-peerdist"] as string | undefined;
      response.end("plain");
    };
    await using sink = await createFileSink(target);
    await download({ url, origin, branchCache: noBranch, sink, clock: systemClock, offer: false });
    expect(offered).toBeUndefined();
  });
});
