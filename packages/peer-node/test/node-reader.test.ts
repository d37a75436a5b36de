import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { createMemoryStore, makeBlockCheck, verifyStore } from "@branchcache/cache-store";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import {
  blockLengthBytes,
  type ContentRange,
  publishBytes,
  readContentInformation,
  ServerSecret,
  segmentsOf,
  verifyBlock,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import type { PeerFinder, PeerSource } from "@branchcache/retrieval";
import { createRetrievalServer } from "@branchcache/retrieval";
import { nodeBlockCipher } from "@branchcache/retrieval/node";
import { equalBytes } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { memoryHttp, recordingObserver, seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { blockSourceOf, heldSegmentsOf } from "../src/block-source.ts";
import { openNodeReader } from "../src/node-reader.ts";
import { SegmentVault } from "../src/segment-vault.ts";

const engine = nodeHashEngine;
const secret = ServerSecret.fromBytes(Uint8Array.of(1, 2, 3));
const content = seededRandom(5).bytes(600_000);
const publications = publishBytes(content, { engine });
const PEER: PeerSource = { id: "urn:uuid:1", addresses: [{ address: "192.0.2.9", port: 80 }], kind: "peer" };

function information(version: 1 | 2): Uint8Array {
  const publication = version === 1 ? publications.v1 : publications.v2;
  if (!publication) throw new Error("not published");
  return writeContentInformation(publication, secret, engine);
}

/** A node without sockets: its store, and a way to read through it. */
function node(
  cipherId: 1 | 2 | 3 = 1,
  http = memoryHttp(),
  store: Pick<ReturnType<typeof createMemoryStore>, "blocks" | "secrets"> = createMemoryStore({
    limitBytes: 2 ** 24,
    clock: systemClock,
  }),
) {
  const observer = recordingObserver();
  const vault = new SegmentVault({
    ...store,
    engine,
    cipher: nodeBlockCipher,
    cipherId,
    random: seededRandom(cipherId),
    observer,
  });
  const openReader = (version: 1 | 2, finder: PeerFinder = nobody) =>
    openNodeReader({
      content: readContentInformation(information(version), engine),
      vault,
      engine,
      observer,
      fetch: { finder, http, cipher: nodeBlockCipher, engine, clock: systemClock },
    });
  return { store, observer, open: openReader };
}

const nobody: PeerFinder = { async *find() {} };
const everybodyHasIt: PeerFinder = {
  async *find(segments) {
    yield { peer: PEER, segments: segments.map(({ id }) => ({ id, complete: true })) };
  },
};

/** Reads everything, adds what is missing, and says what came from where. */
async function readAll(reader: ReturnType<ReturnType<typeof node>["open"]>) {
  const whole = new Uint8Array(content.length);
  const sources = { local: 0, peer: 0, hosted: 0, missing: 0 };
  for await (const piece of reader.pieces()) {
    const end = piece.offsetBytes + (piece.kind === "data" ? piece.bytes.length : piece.lengthBytes);
    sources[piece.kind === "data" ? piece.source : "missing"] += end - piece.offsetBytes;
    const bytes = piece.kind === "data" ? piece.bytes : content.slice(piece.offsetBytes, end);
    if (piece.kind === "missing") expect(await reader.add(piece.offsetBytes, bytes)).toBe("kept");
    whole.set(bytes, piece.offsetBytes);
  }
  expect(equalBytes(whole, content)).toBe(true);
  return sources;
}

describe.each([1, 2] as const)("a reader of version %i", (version) => {
  it("PCCRC-13 finds everything missing at first, and everything local afterwards", async () => {
    const here = node();
    expect(await readAll(here.open(version))).toMatchObject({ missing: content.length });
    const again = here.open(version);
    expect(await readAll(again)).toMatchObject({ local: content.length, missing: 0 });
    const { peers, questions, segments } = await again.explain();
    expect([peers, questions]).toEqual([[], []]);
    expect(segments.every(({ localBytes, lengthBytes }) => localBytes === lengthBytes)).toBe(true);
  });

  it("keeps with each block what it takes to check it by its hash later on", async () => {
    const here = node();
    await readAll(here.open(version));
    const { blocks, secrets } = here.store;
    const check = makeBlockCheck({ engine, open: nodeBlockCipher.open, secretOf: (id) => secrets.get(id) });
    const report = await verifyStore(blocks, { check });
    expect(report.blocks).toBeGreaterThan(1);
    expect(report).toMatchObject({ hashed: report.blocks, damaged: [] });
  });

  it("tells at once what nobody in the branch gives", async () => {
    const told: ContentRange[] = [];
    for await (const piece of node()
      .open(version)
      .pieces({ onMissing: (ranges) => void told.push(...ranges) })) {
      expect(piece.offsetBytes).toBe(0);
      break;
    }
    expect(told).toEqual([{ startBytes: 0, endBytes: content.length }]);
  });

  it("PCCRC-23 keeps no bytes that fail their hash", async () => {
    const here = node();
    const reader = here.open(version);
    const block = reader.blockAt(0);
    if (!block) throw new Error("no first block");
    expect(await reader.add(0, new Uint8Array(block.lengthBytes))).toBe("mismatch");
    expect((await here.store.blocks.usage()).bytes).toBe(0);
  });

  it("PCCRC-20 finds nothing with a key of another server, which names other segments", async () => {
    const here = node();
    await readAll(here.open(version));
    const publication = version === 1 ? publications.v1 : publications.v2;
    if (!publication) throw new Error("not published");
    const [mine, theirs] = [secret, ServerSecret.fromBytes(Uint8Array.of(9))].map(
      (one) => segmentsOf(publication, one, engine)[0],
    );
    if (!mine || !theirs) throw new Error("no segment");
    expect(equalBytes(mine.id, theirs.id)).toBe(false);
    expect(await here.store.blocks.holds([mine.id, theirs.id])).toEqual([expect.anything(), undefined]);
    const stored = await here.store.blocks.getBlock(mine.id, 0);
    const length = blockLengthBytes(theirs, 0);
    const opened = stored && nodeBlockCipher.open(stored, theirs.secret, length);
    expect(opened && verifyBlock(theirs, 0, opened.plaintext, engine)).toBe(false);
  });

  it("refuses what is no whole block", async () => {
    const reader = node().open(version);
    for (const [offset, length] of [
      [1, 65_536],
      [0, 1],
      [content.length, 1],
    ] as const) {
      await expect(reader.add(offset, new Uint8Array(length))).rejects.toMatchObject({
        code: "BC_INVALID_ARGUMENT",
      });
    }
  });

  it("drops a stored block that was damaged, and fetches it again", async () => {
    const here = node();
    await readAll(here.open(version));
    const [segment] = readContentInformation(information(version), engine).segments;
    if (!segment) throw new Error("no segment");
    await here.store.blocks.removeSegment(segment.id);
    const damaged = nodeBlockCipher.seal(
      new Uint8Array(Math.min(segment.lengthBytes, segment.blockSizeBytes)),
      segment.secret,
      1,
      seededRandom(9),
    );
    const facts = {
      id: segment.id,
      cipher: 1 as const,
      lengthBytes: segment.lengthBytes,
      blockSizeBytes: segment.blockSizeBytes,
      tags: [],
      trust: "verified" as const,
    };
    await here.store.blocks.putBlock(facts, 0, damaged);
    expect((await readAll(here.open(version))).missing).toBeGreaterThan(0);
    expect(here.observer.total("blocks_rejected_total", { reason: "hash" })).toBe(1);
    expect(await readAll(here.open(version))).toMatchObject({ local: content.length });
  });

  it("a block that is damaged on the disk costs itself, and not its segment", async () => {
    const path = await temporaryDirectory();
    const options = { path, limitBytes: 2 ** 24, clock: systemClock };
    const first = await openLmdbStore(options);
    await readAll(node(1, undefined, first).open(version));
    await first.close();
    const [name = ""] = await readdir(join(path, "blocks"));
    const file = await open(join(path, "blocks", name), "r+");
    await file.write(Uint8Array.of(0xaa, 0xbb), 0, 2, 40_000);
    await file.close();

    const store = await openLmdbStore(options);
    const here = node(1, undefined, store);
    const read = await readAll(here.open(version));
    expect(read.missing).toBeGreaterThan(0);
    expect(read.missing).toBeLessThanOrEqual(131_072);
    expect(here.observer.total("blocks_rejected_total")).toBe(0);
    expect(await readAll(here.open(version))).toMatchObject({ local: content.length });
    await store.close();
  });

  it("PCCRR-126 serves what it verified, and another node has it from there", async () => {
    const http = memoryHttp();
    const giver = node(1, http);
    await readAll(giver.open(version));
    const server = createRetrievalServer({ source: blockSourceOf(giver.store.blocks), clock: systemClock });
    http.listen({ address: "192.0.2.9", port: 80 }, async ({ body: request }) => {
      const answer = await server.handle(request, "192.0.2.1");
      if (answer.kind !== "message") throw new Error("dropped");
      const body = Buffer.concat(answer.parts);
      // Their memory is used again.
      answer.done();
      return { status: 200, body };
    });
    const taker = node(1, http);
    expect(await readAll(taker.open(version, everybodyHasIt))).toMatchObject({
      peer: content.length,
      missing: 0,
    });
    // Kept as it came, since the cipher is the configured one.
    for (const segment of readContentInformation(information(version), engine).segments) {
      const [theirs, ours] = await Promise.all([
        giver.store.blocks.getBlock(segment.id, 0),
        taker.store.blocks.getBlock(segment.id, 0),
      ]);
      if (!theirs || !ours) throw new Error("not held");
      expect(equalBytes(ours.data, theirs.data) && equalBytes(ours.iv, theirs.iv)).toBe(true);
      expect(ours.trust).toBe("verified");
    }
    // Sealed anew where another cipher is wanted.
    const other = node(3, http);
    await readAll(other.open(version, everybodyHasIt));
    const [segment] = readContentInformation(information(version), engine).segments;
    expect(segment && (await other.store.blocks.getBlock(segment.id, 0))?.cipher).toBe(3);
  });

  it.each([
    { preferred: 0, reSeal: true, served: 1 },
    { preferred: 1, reSeal: true, served: 1 },
    { preferred: 2, reSeal: true, served: 2 },
    { preferred: 3, reSeal: true, served: 3 },
    { preferred: 3, reSeal: false, served: 1 },
  ] as const)(
    "PCCRR-122 PCCRR-25 serves cipher $served to who prefers $preferred",
    async ({ preferred, reSeal, served }) => {
      const here = node();
      await readAll(here.open(version));
      const [segment] = readContentInformation(information(version), engine).segments;
      if (!segment) throw new Error("no segment");
      const { blocks, secrets } = here.store;
      const source = blockSourceOf(
        blocks,
        reSeal ? { secrets, cipher: nodeBlockCipher, random: seededRandom(1) } : undefined,
      );
      const found = await source.block(segment.id, 0, preferred);
      expect(found?.sealed.cipher).toBe(served);
      const opened =
        found && nodeBlockCipher.open(found.sealed, segment.secret, blockLengthBytes(segment, 0));
      expect(opened && verifyBlock(segment, 0, opened.plaintext, engine)).toBe(true);
    },
  );

  it("can be read once, and not after it was closed", async () => {
    const reader = node().open(version);
    const pieces = reader.pieces();
    expect(() => reader.pieces()).toThrow(expect.objectContaining({ code: "BC_ALREADY_READ" }));
    await reader.close();
    await reader.close();
    await expect(pieces[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "BC_CLOSED" });
  });
});

describe("a reader of part of a version 1 segment", () => {
  it("PCCRC-21 keeps blocks blind while their list is not complete, and shows them to nobody", async () => {
    const here = node();
    const publication = publications.v1;
    if (!publication) throw new Error("not published");
    const part = { startBytes: 65_536, endBytes: 3 * 65_536 };
    const reader = openNodeReader({
      content: readContentInformation(writeContentInformation(publication, secret, engine, part), engine),
      vault: new SegmentVault({
        ...here.store,
        engine,
        cipher: nodeBlockCipher,
        cipherId: 1,
        random: seededRandom(1),
        observer: here.observer,
      }),
      engine,
      observer: here.observer,
      fetch: {
        finder: nobody,
        http: memoryHttp(),
        cipher: nodeBlockCipher,
        engine,
        clock: systemClock,
      },
    });
    expect(await reader.add(65_536, content.slice(65_536, 2 * 65_536))).toBe("kept");
    const [segment] = segmentsOf(publication, secret, engine);
    if (!segment) throw new Error("no segment");
    const { blocks } = here.store;
    expect(await blocks.getBlock(segment.id, 1)).toMatchObject({ trust: "blind" });
    expect(await blockSourceOf(blocks).block(segment.id, 1, 1)).toBeUndefined();
    expect(await blockSourceOf(blocks).heldBlocks(segment.id)).toEqual([]);
    expect(await heldSegmentsOf(blocks).holds([segment.id])).toEqual([undefined]);
    // The whole content later: the same blocks are read again and checked against the full list.
    expect(await readAll(here.open(1))).toMatchObject({ local: 65_536 });
    await blocks.flush();
    expect((await blocks.holds([segment.id]))[0]).toMatchObject({ heldBlocks: 10, verifiedBlocks: 10 });
  });

  it("refuses Content Information whose block hashes contradict its hash of data", () => {
    const altered = information(1);
    altered[18 + 16] = (altered[18 + 16] ?? 0) ^ 1;
    expect(() =>
      openNodeReader({
        content: readContentInformation(altered, engine),
        vault: {} as SegmentVault,
        engine,
        observer: recordingObserver(),
        fetch: {} as never,
      }),
    ).toThrow(expect.objectContaining({ code: "BC_CONTENT_INFORMATION_INVALID" }));
  });
});
