import { writeFile } from "node:fs/promises";
import { createConnection, createServer, Socket } from "node:net";
import { join } from "node:path";
import {
  publishBytes,
  readContentInformation,
  ServerSecret,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { BranchCacheError, equalBytes } from "@branchcache/runtime";
import { manualClock, seededRandom } from "@branchcache/runtime/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { connectBranchCache } from "../src/api/client.ts";
import { FrameWriter } from "../src/api/frame-writer.ts";
import { encodeFrame, encodeFrameOfData, FRAME_MAX_BYTES, FrameReader } from "../src/api/frames.ts";
import { isPipeName } from "../src/api/pipe-name.ts";
import { PIECES_AT_ONCE, PROTOCOL_VERSION } from "../src/api/protocol.ts";
import { type ApiServer, serveApi } from "../src/api/server.ts";
import { blockStartingAt, contentBlocks } from "../src/block-map.ts";
import type { BranchCache } from "../src/branch-cache.ts";

const content = seededRandom(7).bytes(700_000);
const { v2 } = publishBytes(content, { engine: nodeHashEngine, versions: [2] });
if (!v2) throw new Error("no publication");
const information = writeContentInformation(v2, ServerSecret.fromBytes(Uint8Array.of(1)), nodeHashEngine);

/** Holds every other block. */
function fakeBranch(): BranchCache & {
  readonly added: number[];
  readonly released: Uint8Array[];
  readonly closed: number;
} {
  const added: number[] = [];
  const released: Uint8Array[] = [];
  let closed = 0;
  return {
    added,
    released,
    get closed() {
      return closed;
    },
    async open(bytes) {
      const described = readContentInformation(bytes, nodeHashEngine);
      return {
        range: described.range,
        blockAt: (offset) => blockStartingAt(described, offset),
        async *pieces({ onMissing } = {}) {
          let i = 0;
          const ranges = [...contentBlocks(described)].flatMap(({ offsetBytes, lengthBytes }, block) =>
            block % 2 === 0 ? [] : [{ startBytes: offsetBytes, endBytes: offsetBytes + lengthBytes }],
          );
          onMissing?.(ranges);
          for (const { offsetBytes, lengthBytes } of contentBlocks(described)) {
            if (i++ % 2 === 0) {
              const bytes = content.slice(offsetBytes, offsetBytes + lengthBytes);
              yield { kind: "data" as const, offsetBytes, bytes, source: "peer" as const };
            } else yield { kind: "missing" as const, offsetBytes, lengthBytes, reason: "no-peer" as const };
          }
        },
        async add(offset, bytes) {
          await new Promise((resolve) => setImmediate(resolve));
          if (!equalBytes(bytes, content.subarray(offset, offset + bytes.length))) return "mismatch";
          added.push(offset);
          return "kept";
        },
        release: (bytes) => void released.push(bytes),
        async explain() {
          const segments = described.segments.map(({ offsetBytes, lengthBytes }, i) => ({
            segmentId: String(i),
            offsetBytes,
            lengthBytes,
            localBytes: 1,
            fetch: undefined,
          }));
          // More than one frame takes.
          return {
            peers: [],
            questions: [{ segments: 1, atMs: 2, answers: 3 }],
            segments: Array(200).fill(segments).flat(),
          };
        },
        async close() {
          closed++;
        },
        async [Symbol.asyncDispose]() {
          closed++;
        },
      };
    },
    async close() {},
  };
}

describe("the local socket", () => {
  let directory: string;
  let path: string;
  let branch: ReturnType<typeof fakeBranch>;
  let server: ApiServer;

  beforeEach(async () => {
    directory = await temporaryDirectory();
    path = join(directory, "api.sock");
    branch = fakeBranch();
    server = await serveApi({ path, branchCache: branch, mode: "local" });
  });

  afterEach(async () => {
    await server.close();
  });

  it("gives blocks back on both sides once they have left, and reads into the memory of those before", async () => {
    const daemon = await connectBranchCache(path);
    await using reader = await daemon.open(information);
    const memory = new Set<ArrayBufferLike>();
    let blocks = 0;
    for await (const piece of reader.pieces()) {
      if (piece.kind === "missing") continue;
      const { bytes, offsetBytes } = piece;
      expect(equalBytes(bytes, content.subarray(offsetBytes, offsetBytes + bytes.length))).toBe(true);
      blocks++;
      memory.add(bytes.buffer);
      reader.release?.(bytes);
    }
    expect(branch.released).toHaveLength(blocks);
    expect(blocks).toBeGreaterThan(memory.size);
  });

  it("tells what is missing before its turn", async () => {
    const daemon = await connectBranchCache(path);
    await using reader = await daemon.open(information);
    const told: number[] = [];
    const missing: number[] = [];
    const onMissing = (ranges: readonly { readonly startBytes: number }[]) => {
      expect(missing).toEqual([]);
      told.push(...ranges.map(({ startBytes }) => startBytes));
    };
    for await (const piece of reader.pieces({ onMissing }))
      if (piece.kind === "missing") missing.push(piece.offsetBytes);
    expect(missing.length).toBeGreaterThan(1);
    expect(told).toEqual(missing);
  });

  it("gives blocks back that a caller who has gone will never read", async () => {
    const daemon = await connectBranchCache(path);
    const reader = await daemon.open(information);
    for await (const _ of reader.pieces()) break;
    await reader.close();
    await expect.poll(() => branch.released.length).toBeGreaterThan(0);
  });

  it("reads a content as in process, and adds what was missing", async () => {
    const daemon = await connectBranchCache(path);
    await using reader = await daemon.open(information);
    expect(reader.range).toEqual({ startBytes: 0, endBytes: content.length });
    const whole = new Uint8Array(content.length);
    for await (const piece of reader.pieces()) {
      if (piece.kind === "data") {
        whole.set(piece.bytes, piece.offsetBytes);
        continue;
      }
      const end = piece.offsetBytes + piece.lengthBytes;
      const bytes = content.slice(piece.offsetBytes, end);
      expect(await reader.add(piece.offsetBytes, new Uint8Array(bytes.length))).toBe("mismatch");
      expect(await reader.add(piece.offsetBytes, bytes)).toBe("kept");
      whole.set(bytes, piece.offsetBytes);
    }
    expect(equalBytes(whole, content)).toBe(true);
    expect(branch.added.length).toBeGreaterThan(2);
    const here = await (await branch.open(information)).explain();
    expect(await reader.explain()).toEqual(here);
    await daemon.close();
  });

  it("takes all blocks that are brought at once, in order, however long each takes", async () => {
    const daemon = await connectBranchCache(path);
    await using reader = await daemon.open(information);
    const blocks = [...contentBlocks(readContentInformation(information, nodeHashEngine))];
    const brought = Array.from({ length: 20 }, () => blocks).flat();
    const adding = brought.map(({ offsetBytes, lengthBytes }) =>
      reader.add(offsetBytes, content.subarray(offsetBytes, offsetBytes + lengthBytes)),
    );
    expect(brought.length).toBeGreaterThan(128);
    expect(new Set(await Promise.all(adding))).toEqual(new Set(["kept"]));
    expect(branch.added).toEqual(brought.map(({ offsetBytes }) => offsetBytes));
  });

  it("hands on what is wrong with a Content Information", async () => {
    const daemon = await connectBranchCache(path);
    await expect(daemon.open(information.subarray(0, 50))).rejects.toMatchObject({
      code: "BC_DECODE_TRUNCATED",
    });
    branch.open = async () => {
      throw new BranchCacheError("BC_CLOSED", "the node is stopping");
    };
    await expect(daemon.open(information)).rejects.toMatchObject({
      code: "BC_CLOSED",
      message: "daemon: the node is stopping",
    });
  });

  it("ends an abandoned reading on both sides", async () => {
    const daemon = await connectBranchCache(path);
    const abort = new AbortController();
    const reader = await daemon.open(information, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(reader.add(0, content.slice(0, 1))).rejects.toThrow("enough");
    await reader.close();
    await expect.poll(() => branch.closed).toBe(1);
  });

  it("leaves to the origin what the daemon had not given when it went, verified all the same", async () => {
    const daemon = await connectBranchCache(path);
    const reader = await daemon.open(information);
    const offsets: number[] = [];
    let given = 0;
    for await (const piece of reader.pieces()) {
      offsets.push(piece.offsetBytes);
      if (piece.kind === "data") {
        given++;
        await server.close();
        continue;
      }
      const { lengthBytes, offsetBytes } = piece;
      const bytes = content.slice(offsetBytes, offsetBytes + lengthBytes);
      expect(await reader.add(offsetBytes, bytes)).toBe("not-kept");
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      expect(await reader.add(offsetBytes, bytes)).toBe("mismatch");
    }
    const described = readContentInformation(information, nodeHashEngine);
    expect(offsets).toEqual([...contentBlocks(described)].map(({ offsetBytes }) => offsetBytes));
    expect(given).toBeLessThan(offsets.length / 2);
    expect(branch.added).toEqual([]);
    expect(await reader.explain()).toEqual({ peers: [], questions: [], segments: [] });
    await reader.close();
    await expect(daemon.open(information)).rejects.toMatchObject({ code: "BC_DAEMON_UNREACHABLE" });
  });

  it("ends as its own reader does when the reader is closed", async () => {
    const daemon = await connectBranchCache(path);
    const reader = await daemon.open(information);
    await reader.close();
    await expect(reader.add(0, content.slice(0, 1))).rejects.toMatchObject({ code: "BC_DAEMON_CLOSED" });
  });

  describe("that is closed with a grace", () => {
    const clock = manualClock();

    beforeEach(async () => {
      await server.close();
      server = await serveApi({ path, branchCache: branch, mode: "local", clock });
    });

    it("lets what is read be read to its end, and nobody else in", async () => {
      const daemon = await connectBranchCache(path);
      const reader = await daemon.open(information);
      const pieces = reader.pieces()[Symbol.asyncIterator]();
      await pieces.next();
      const closing = server.close(60_000);
      await expect(connectBranchCache(path)).rejects.toMatchObject({ code: "BC_DAEMON_UNREACHABLE" });
      let data = 0;
      for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
        if (next.value.kind === "data") data++;
      }
      expect(data).toBeGreaterThan(3);
      await reader.close();
      await closing;
      expect(clock.pending).toBe(0);
    });

    it("cuts off who has not come to the end when the time is up", async () => {
      const daemon = await connectBranchCache(path);
      const reader = await daemon.open(information);
      const closing = server.close(60_000);
      await clock.advance(60_000);
      await closing;
      for await (const { kind } of reader.pieces()) expect(kind).toBe("missing");
      await reader.close();
    });
  });

  it.each([
    { name: "junk", bytes: Uint8Array.of(0, 0, 0, 2, 0xc1, 0xc1), code: "BC_API_FRAME" },
    { name: "a frame over the limit", bytes: Uint8Array.of(0xff, 0xff, 0xff, 0xff), code: "BC_API_FRAME" },
    { name: "no request", bytes: encodeFrame({ op: "format disk" }), code: "BC_API_FRAME" },
    { name: "no count", bytes: encodeFrame({ op: "next" }), code: "BC_API_FRAME" },
    { name: "too many", bytes: encodeFrame({ op: "next", count: PIECES_AT_ONCE + 1 }), code: "BC_API_FRAME" },
    { name: "no greeting", bytes: encodeFrame({ op: "open" }), code: "BC_API_ORDER" },
    { name: "another protocol", bytes: encodeFrame({ op: "hello", protocol: 99 }), code: "BC_API_VERSION" },
    {
      name: "next before open",
      bytes: Buffer.concat([
        encodeFrame({ op: "hello", protocol: PROTOCOL_VERSION }),
        encodeFrame({ op: "next", count: 1 }),
      ]),
      code: "BC_API_ORDER",
    },
  ])("answers $name with an error, closes, and serves others on", async ({ bytes, code }) => {
    const answers = await talk(path, bytes);
    expect(answers.at(-1)).toMatchObject({ op: "error", code });
    const daemon = await connectBranchCache(path);
    await (await daemon.open(information)).close();
  });

  it("hands a connection to another protocol, one message at a time", async () => {
    await server.close();
    const seen: unknown[] = [];
    let working = 0;
    let closed = 0;
    server = await serveApi({
      path,
      branchCache: branch,
      mode: "local",
      protocols: {
        7: ({ send, end }) => {
          void send({ op: "welcome" });
          return {
            async message(message) {
              expect(++working).toBe(1);
              await send({ echo: message });
              working--;
              seen.push(message);
              if (message === 3) end();
              if (message === 4) throw new BranchCacheError("BC_API_FRAME", "four");
            },
            closed: () => {
              closed++;
            },
          };
        },
      },
    });
    const hello = encodeFrame({ op: "hello", protocol: 7 });
    const frames = [1, 2, 3].map((number) => encodeFrame(number));
    expect(await talk(path, Buffer.concat([hello, ...frames]))).toEqual([
      { op: "welcome" },
      { echo: 1 },
      { echo: 2 },
      { echo: 3 },
    ]);
    expect(seen).toEqual([1, 2, 3]);
    const answers = await talk(path, Buffer.concat([hello, encodeFrame(4)]));
    expect(answers.at(-1)).toMatchObject({ op: "error", code: "BC_API_FRAME" });
    await expect.poll(() => closed).toBe(2);
    const daemon = await connectBranchCache(path);
    await (await daemon.open(information)).close();
  });

  it.each([
    [String.raw`\\.\pipe\branchcache-api`, true],
    [String.raw`\\?\PIPE\a`, true],
    ["//./pipe/a", true],
    ["//./pipe/", false],
    [String.raw`\\server\share`, false],
    ["/run/branchcache/api.sock", false],
    ["pipe", false],
  ])("%s is a named pipe: %s", (name, is) => {
    expect(isPipeName(name)).toBe(is);
  });

  it("is not taken from a live daemon", async () => {
    await expect(serveApi({ path, branchCache: branch, mode: "local" })).rejects.toMatchObject({
      code: "BC_API_IN_USE",
    });
  });

  it("replaces the socket of a dead daemon, and nothing else", async () => {
    const stale = join(directory, "stale.sock");
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(stale, resolve));
    // Closing would remove the socket file; a killed process leaves it.
    const { rename } = await import("node:fs/promises");
    await rename(stale, `${stale}.left`);
    await new Promise<void>((resolve) => dead.close(() => resolve()));
    const revived = await serveApi({ path: `${stale}.left`, branchCache: branch, mode: "local" });
    await revived.close();

    const file = join(directory, "file");
    await writeFile(file, "precious");
    await expect(serveApi({ path: file, branchCache: branch, mode: "local" })).rejects.toMatchObject({
      code: "BC_LISTEN_FAILED",
    });
  });

  it("says that nobody is there", async () => {
    await expect(connectBranchCache(join(directory, "none.sock"))).rejects.toMatchObject({
      code: "BC_DAEMON_UNREACHABLE",
    });
  });
});

describe("frames", () => {
  const payload = fc.record({
    /** Inside the message, as any library would write them. */
    bytes: fc.uint8Array({ maxLength: 6_000, size: "max" }),
    /** Behind it. */
    data: fc.option(fc.uint8Array({ maxLength: 20_000, size: "max" }), { nil: undefined }),
  });

  it.each([{ size: { min: 1, max: 50 } }, { size: { min: 50, max: 40_000 } }])(
    "come out as they went in, cut to $size.max bytes, with data and without",
    ({ size }) => {
      fc.assert(
        fc.property(fc.array(payload, { maxLength: 5 }), fc.integer(size), (payloads, chunkBytes) => {
          const stream = Buffer.concat(payloads.flatMap(({ bytes, data }) => frameOf({ bytes }, data)));
          const read: { bytes: Uint8Array; data: Uint8Array | undefined }[] = [];
          const reader = new FrameReader((message, data) => {
            read.push({ bytes: (message as { bytes: Uint8Array }).bytes, data });
          });
          const memory = Buffer.alloc(chunkBytes);
          for (let at = 0; at < stream.length; at += chunkBytes) {
            // Whoever reads may read into the same memory again.
            reader.push(memory, stream.copy(memory, 0, at, at + chunkBytes));
            memory.fill(0xff);
          }
          expect(read.map(hexOf)).toEqual(payloads.map(hexOf));
        }),
        { numRuns: 40 },
      );
    },
  );

  it("put their data where it belongs, or nowhere", () => {
    const place = new Uint8Array(8);
    const taken: unknown[] = [];
    const reader = new FrameReader((message, data) => taken.push([message, data?.length]), {
      placeFor: (message, dataBytes) =>
        message === "nowhere" ? undefined : place.subarray(2, 2 + dataBytes),
    });
    for (const message of ["nowhere", "there", "none"]) {
      const data = message === "none" ? new Uint8Array(0) : Uint8Array.of(1, 2, 3);
      reader.push(Buffer.concat(frameOf(message, data)));
    }
    expect(taken).toEqual([
      ["nowhere", undefined],
      ["there", 3],
      ["none", 0],
    ]);
    expect([...place]).toEqual([0, 0, 1, 2, 3, 0, 0, 0]);
  });

  it("are handed on up to one that is none", () => {
    const taken: unknown[] = [];
    const reader = new FrameReader((message) => taken.push(message));
    const bytes = Buffer.concat([encodeFrame(1), Buffer.of(0, 0, 0, 0), encodeFrame(2)]);
    expect(() => reader.push(bytes)).toThrow(expect.objectContaining({ code: "BC_API_FRAME" }));
    expect(taken).toEqual([1]);
  });

  it("leave together when they are written in one turn, and say when big pieces are written", async () => {
    const writes: Buffer[] = [];
    const socket = new Socket();
    socket._write = (chunk: Buffer, _, done) => {
      writes.push(chunk);
      done();
    };
    socket._writev = (chunks, done) => {
      writes.push(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)));
      done();
    };
    const writer = new FrameWriter<unknown>(socket);
    void writer.write({ a: 1 });
    await Promise.resolve();
    void writer.write({ a: 2 });
    expect(writes).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    void writer.write({ a: 3 });
    const data = [content.subarray(0, 65_536), content.subarray(65_536, 131_072)];
    await new Promise<void>((resolve) => writer.writeWithData({ a: 4 }, data, resolve));
    const frames = writes.map((bytes) => {
      const read: { message: unknown; data: Uint8Array | undefined }[] = [];
      new FrameReader((message, data) => read.push({ message, data })).push(bytes);
      return read;
    });
    expect(frames.map((read) => read.map(({ message }) => message))).toEqual([
      [{ a: 1 }, { a: 2 }],
      [{ a: 3 }, { a: 4 }],
    ]);
    expect(equalBytes(frames[1]?.[1]?.data ?? data[0]!, content.subarray(0, 131_072))).toBe(true);
  });

  it.each([
    { what: "message", start: Uint8Array.of(0x00, 0x10, 0x00, 0x01) },
    { what: "message with data", start: Uint8Array.of(0x80, 0x10, 0x00, 0x01) },
    { what: "data", start: Uint8Array.of(0x80, 0x00, 0x00, 0x01, 0x00, 0x10, 0x00, 0x01) },
  ])("refuse a $what over the limit before its bytes are there", ({ start }) => {
    expect(FRAME_MAX_BYTES).toBe(0x10_0000);
    for (const size of [1, start.length]) {
      const reader = new FrameReader(() => expect.unreachable());
      const push = () => {
        for (let at = 0; at < start.length; at += size) reader.push(start.subarray(at, at + size));
      };
      expect(push).toThrow(expect.objectContaining({ code: "BC_API_FRAME" }));
    }
  });
});

function frameOf(message: unknown, data?: Uint8Array): Uint8Array[] {
  return data ? [encodeFrameOfData(message, data.length), data] : [encodeFrame(message)];
}

function hexOf({ bytes, data }: { readonly bytes: Uint8Array; readonly data: Uint8Array | undefined }) {
  return { bytes: Buffer.from(bytes).toString("hex"), data: data && Buffer.from(data).toString("hex") };
}

async function talk(path: string, bytes: Uint8Array): Promise<unknown[]> {
  const answers: unknown[] = [];
  const reader = new FrameReader((message) => answers.push(message));
  await new Promise<void>((resolve, reject) => {
    const socket = createConnection(path, () => socket.write(bytes));
    socket.on("data", (chunk) => reader.push(chunk));
    socket.on("close", () => resolve());
    socket.on("error", reject);
  });
  return answers;
}
