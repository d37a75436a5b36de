import type { OriginAnswer, OriginClient } from "@branchcache/http-encoding/node";
import { BranchCacheError } from "@branchcache/runtime";
import { manualClock } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import type { BranchCache, ContentPiece, ContentReader } from "../src/branch-cache.ts";
import { type DownloadOptions, download } from "../src/download/download.ts";
import type { DownloadSink } from "../src/download/sink.ts";

const BLOCK = 4;
const URL_ = "http://user:secret@origin.example/file?token=1";
const VALIDATOR = { etag: '"1"' };

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (value: string) => new TextEncoder().encode(value);

/** A branch that holds some blocks of the content, told by their index. */
function branch(content: string, held: Readonly<Record<number, "local" | "peer">> = {}) {
  const kept: string[] = [];
  let refuse = false;
  const blocks = [...Array(Math.ceil(content.length / BLOCK)).keys()].map((i) => ({
    offsetBytes: i * BLOCK,
    lengthBytes: Math.min(BLOCK, content.length - i * BLOCK),
    text: content.slice(i * BLOCK, (i + 1) * BLOCK),
  }));
  const cache: BranchCache = {
    async open(): Promise<ContentReader> {
      let closed = false;
      const assertOpen = () => {
        if (closed) throw new Error("used after it was closed");
      };
      return {
        range: { startBytes: 0, endBytes: content.length },
        blockAt: (offset) => blocks.find((block) => block.offsetBytes === offset),
        async *pieces(): AsyncGenerator<ContentPiece, void, undefined> {
          for (const [i, block] of blocks.entries()) {
            assertOpen();
            const { offsetBytes, lengthBytes } = block;
            const source = held[i];
            if (source) yield { kind: "data", offsetBytes, bytes: bytesOf(block.text), source };
            else yield { kind: "missing", offsetBytes, lengthBytes, reason: "no-peer" };
          }
        },
        async add(offset, bytes) {
          assertOpen();
          const block = blocks.find((one) => one.offsetBytes === offset);
          if (block?.text !== text(bytes)) return "mismatch";
          if (refuse) return "not-kept";
          kept.push(text(bytes));
          return "kept";
        },
        async explain() {
          return { peers: [], questions: [], segments: [] };
        },
        async close() {
          closed = true;
        },
        async [Symbol.asyncDispose]() {
          closed = true;
        },
      };
    },
    async close() {},
  };
  return {
    cache,
    kept,
    fill() {
      refuse = true;
    },
  };
}

interface OriginScript {
  readonly answers: readonly (OriginAnswer | Error)[];
  /** What a range request finds; undefined when the content changed. */
  readonly content?: string | undefined;
}

function origin(script: OriginScript) {
  const asked: string[] = [];
  const left = [...script.answers];
  const client: OriginClient = {
    async open(_url, options = {}) {
      asked.push(options.hashRequest ? "hash request" : options.offer === false ? "open plain" : "open");
      const answer = left.shift();
      if (!answer) throw new Error("asked too often");
      if (answer instanceof Error) throw answer;
      return answer;
    },
    async range(_url, range) {
      asked.push(`range ${range.startBytes}-${range.endBytes}`);
      const { content } = script;
      if (content === undefined) return { kind: "changed" };
      return { kind: "range", body: chunks(content.slice(range.startBytes, range.endBytes)), discard() {} };
    },
    async close() {},
  };
  return { client, asked };
}

async function* chunks(content: string, size = 3): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < content.length; at += size) yield bytesOf(content.slice(at, at + size));
}

const coded = (content: string): OriginAnswer => ({
  kind: "content-information",
  bytes: Uint8Array.of(0, 2, 1, 1),
  contentLengthBytes: content.length,
  validator: VALIDATOR,
  finalUrl: URL_,
  headers: {},
});

const plain = (content: string, makeHashRequest = false): OriginAnswer => ({
  kind: "content",
  body: chunks(content),
  lengthBytes: content.length,
  validator: VALIDATOR,
  makeHashRequest,
  finalUrl: URL_,
  headers: {},
  discard() {},
});

function sink(canRestart = true) {
  let whole = new Uint8Array(0);
  const target: DownloadSink = {
    async write(offset, bytes) {
      const next = new Uint8Array(Math.max(whole.length, offset + bytes.length));
      next.set(whole);
      next.set(bytes, offset);
      whole = next;
    },
  };
  if (canRestart) {
    target.restart = async () => {
      whole = new Uint8Array(0);
    };
    target.readBack = async (offset, length) => whole.slice(offset, offset + length);
  }
  return {
    target,
    get content() {
      return text(whole);
    },
  };
}

function gate() {
  let resolve = () => {};
  const promise = new Promise<void>((open) => {
    resolve = open;
  });
  return { promise, resolve: () => resolve() };
}

function options(
  from: ReturnType<typeof origin>,
  through: ReturnType<typeof branch>,
  to: ReturnType<typeof sink>,
): DownloadOptions {
  return {
    url: URL_,
    origin: from.client,
    branchCache: through.cache,
    sink: to.target,
    clock: manualClock(),
  };
}

const CONTENT = "0123456789abcdef01";

describe("download", () => {
  it.each([
    {
      name: "all from the branch",
      held: { 0: "local", 1: "peer", 2: "peer", 3: "peer", 4: "local" },
      ranges: [],
    },
    { name: "one gap in the middle", held: { 0: "local", 1: "peer", 4: "peer" }, ranges: ["range 8-16"] },
    { name: "two gaps", held: { 1: "peer", 2: "peer", 4: "peer" }, ranges: ["range 0-4", "range 12-16"] },
    {
      name: "the end is missing",
      held: { 0: "peer", 1: "peer", 2: "peer", 3: "peer" },
      ranges: ["range 16-18"],
    },
    { name: "nobody has anything", held: {}, ranges: ["range 0-18"] },
  ] as const)("takes missing blocks by few ranges: $name", async ({ held, ranges }) => {
    const from = origin({ answers: [coded(CONTENT)], content: CONTENT });
    const through = branch(CONTENT, held);
    const to = sink();
    const report = await download(options(from, through, to));
    expect(to.content).toBe(CONTENT);
    expect(from.asked).toEqual(["open", ...ranges]);
    expect(report.cached).toBe("kept");
    expect(report.bytes.origin + report.bytes.peer + report.bytes.local).toBe(CONTENT.length);
    expect(through.kept.join("").length).toBe(report.bytes.origin);
  });

  describe("of a content whose beginning a peer gives slowly, while nobody has the rest", () => {
    const MIB = 1024 * 1024;
    const whole = "p".repeat(4) + "o".repeat(8 * MIB);
    /** One block of four bytes, then one of the rest, which is told to be missing at once. */
    function slowBranch(firstGiven: Promise<void>): BranchCache {
      const blocks = [
        { offsetBytes: 0, lengthBytes: 4 },
        { offsetBytes: 4, lengthBytes: 8 * MIB },
      ];
      return {
        open: async (): Promise<ContentReader> => ({
          range: { startBytes: 0, endBytes: whole.length },
          blockAt: (offset) => blocks.find(({ offsetBytes }) => offsetBytes === offset),
          async *pieces({ onMissing } = {}) {
            onMissing?.([{ startBytes: 4, endBytes: whole.length }]);
            await firstGiven;
            yield { kind: "data", offsetBytes: 0, bytes: bytesOf("pppp"), source: "peer" };
            yield { kind: "missing", offsetBytes: 4, lengthBytes: 8 * MIB, reason: "no-peer" };
          },
          add: async () => "kept",
          explain: async () => ({ peers: [], questions: [], segments: [] }),
          close: async () => {},
          async [Symbol.asyncDispose]() {},
        }),
        close: async () => {},
      };
    }
    const bigOrigin = (asked: string[], onRange: () => void) => ({
      ...origin({ answers: [coded(whole)] }).client,
      async range(_url: string, { startBytes, endBytes }: { startBytes: number; endBytes: number }) {
        asked.push(`${startBytes}-${endBytes}`);
        onRange();
        return { kind: "range" as const, body: chunks(whole.slice(startBytes, endBytes), MIB), discard() {} };
      },
    });
    const run = (target: DownloadSink, from: OriginClient, first: Promise<void>) =>
      download({
        url: URL_,
        origin: from,
        branchCache: slowBranch(first),
        sink: target,
        clock: manualClock(),
      });

    it("asks the origin for the rest beside the peer, once", async () => {
      const asked: string[] = [];
      const to = sink();
      // The peer gives nothing before the origin was asked.
      const first = gate();
      const report = await run(to.target, bigOrigin(asked, first.resolve), first.promise);
      expect(asked).toEqual([`4-${whole.length}`]);
      expect(to.content === whole).toBe(true);
      expect(report.bytes).toMatchObject({ peer: 4, origin: 8 * MIB });
    });

    it("waits for its turn where bytes must come in their order", async () => {
      const asked: string[] = [];
      const offsets: number[] = [];
      const first = gate();
      const running = run(
        { write: async (offset) => void offsets.push(offset) },
        bigOrigin(asked, () => {}),
        first.promise,
      );
      await new Promise((resolve) => setImmediate(resolve));
      expect(asked).toEqual([]);
      first.resolve();
      await running;
      expect([asked, offsets]).toEqual([[`4-${whole.length}`], [0, 4]]);
    });

    it("writes no more when it fails", async () => {
      const first = gate();
      const to = sink();
      const failing: OriginClient = {
        ...bigOrigin([], () => {}),
        range: async () => {
          first.resolve();
          throw new BranchCacheError("BC_ORIGIN_STATUS", "gone");
        },
      };
      await expect(run(to.target, failing, first.promise)).rejects.toMatchObject({
        code: "BC_ORIGIN_STATUS",
      });
    });
  });

  it("writes in order into a pipe", async () => {
    const from = origin({ answers: [coded(CONTENT)], content: CONTENT });
    const offsets: number[] = [];
    const through = branch(CONTENT, { 1: "peer", 3: "local" });
    await download({
      ...options(from, through, sink()),
      sink: {
        write: async (offset) => {
          offsets.push(offset);
        },
      },
    });
    expect(offsets).toEqual([0, 4, 8, 12, 16]);
  });

  it("PCCRTP-24 asks for the hashes of plain content once, and keeps its blocks", async () => {
    const from = origin({ answers: [plain(CONTENT, true), coded(CONTENT)] });
    const through = branch(CONTENT);
    const to = sink();
    const report = await download(options(from, through, to));
    expect(to.content).toBe(CONTENT);
    expect(from.asked).toEqual(["open", "hash request"]);
    expect(through.kept).toEqual(["0123", "4567", "89ab", "cdef", "01"]);
    expect(report).toMatchObject({ cached: "kept", bytes: { origin: CONTENT.length, peer: 0 } });
  });

  it("keeps the download when the hashes turn out to be of another version", async () => {
    const from = origin({ answers: [plain(CONTENT, true), coded(CONTENT)] });
    const through = branch("another version 00");
    const report = await download(options(from, through, sink()));
    expect(report.cached).toBe("not-kept");
    expect(through.kept).toEqual([]);
  });

  it("keeps the download when the hash request fails", async () => {
    const failure = new BranchCacheError("BC_ORIGIN_UNREACHABLE", "gone");
    const from = origin({ answers: [plain(CONTENT, true), failure] });
    const to = sink();
    const report = await download(options(from, branch(CONTENT), to));
    expect(report.cached).toBe("not-kept");
    expect(to.content).toBe(CONTENT);
  });

  it("does not cache plain content that went into a pipe", async () => {
    const from = origin({ answers: [plain(CONTENT, true)] });
    const report = await download(options(from, branch(CONTENT), sink(false)));
    expect(report.cached).toBe("not-kept");
    expect(from.asked).toEqual(["open"]);
  });

  it("says when the cache could not take all of it", async () => {
    const from = origin({ answers: [coded(CONTENT)], content: CONTENT });
    const through = branch(CONTENT, { 0: "peer" });
    through.fill();
    const to = sink();
    expect((await download(options(from, through, to))).cached).toBe("partly");
    expect(to.content).toBe(CONTENT);
  });

  it("begins anew when the origin has another version", async () => {
    const next = "a new version of it";
    const from = origin({ answers: [coded(CONTENT), plain(next)], content: undefined });
    const to = sink();
    const report = await download(options(from, branch(CONTENT, { 0: "peer" }), to));
    expect(to.content).toBe(next);
    expect(report).toMatchObject({ restarts: 1, bytes: { origin: next.length, peer: 0 } });
  });

  it("begins anew when bytes of the origin do not match the Content Information", async () => {
    const changed = "0123XXXX89abcdef01";
    const from = origin({ answers: [coded(CONTENT), plain(changed)], content: changed });
    const to = sink();
    const report = await download(options(from, branch(CONTENT, { 0: "peer" }), to));
    expect(to.content).toBe(changed);
    expect(report.restarts).toBe(1);
  });

  it("gives up with a clear error when content keeps changing", async () => {
    const from = origin({ answers: [1, 2, 3, 4, 5].map(() => coded(CONTENT)), content: undefined });
    await expect(download(options(from, branch(CONTENT), sink()))).rejects.toMatchObject({
      code: "BC_CONTENT_CHANGED",
      message: "http://origin.example/file kept changing while it was downloaded, 4 times in a row",
    });
    expect(from.asked.filter((what) => what.startsWith("open"))).toEqual([
      "open",
      "open",
      "open",
      "open plain",
    ]);
  });

  it("fails with a clear error when what was written cannot be taken back", async () => {
    const from = origin({ answers: [coded(CONTENT), plain(CONTENT)], content: undefined });
    await expect(download(options(from, branch(CONTENT, { 0: "peer" }), sink(false)))).rejects.toMatchObject({
      code: "BC_CONTENT_CHANGED",
    });
  });

  it("PCCRC-55 fetches the content without the coding when Content Information is malformed", async () => {
    const from = origin({ answers: [coded(CONTENT), plain(CONTENT)] });
    const through = branch(CONTENT);
    const to = sink();
    through.cache.open = async () => {
      throw new BranchCacheError("BC_DECODE_TRUNCATED", "short");
    };
    const report = await download(options(from, through, to));
    expect(from.asked).toEqual(["open", "open plain"]);
    expect(to.content).toBe(CONTENT);
    expect(report.cached).toBe("not-offered");
  });

  it("passes on what the origin says is wrong", async () => {
    const failure = new BranchCacheError("BC_ORIGIN_STATUS", "404 Not Found");
    const from = origin({ answers: [failure] });
    await expect(download(options(from, branch(CONTENT), sink()))).rejects.toBe(failure);
  });

  it.each([
    ["range of the wrong length", CONTENT.slice(0, 9)],
    ["more than was asked for", `${CONTENT}x`],
  ])("takes no bytes from an answer with the %s", async (_name, content) => {
    const client = origin({ answers: [coded(CONTENT), plain(CONTENT)], content });
    const asIs = client.client.range;
    client.client.range = async (url, range, validator, given) => {
      await asIs(url, range, validator, given);
      return { kind: "range", body: chunks(content), discard() {} };
    };
    const to = sink();
    const report = await download(options(client, branch(CONTENT), to));
    expect(report.restarts).toBe(1);
    expect(to.content).toBe(CONTENT);
  });
});
