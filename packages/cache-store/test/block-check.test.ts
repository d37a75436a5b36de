import { createCipheriv, createDecipheriv } from "node:crypto";
import { createMemoryStore, makeBlockCheck, verifyStore } from "@branchcache/cache-store";
import { deriveSegmentId, nobleHashEngine as engine } from "@branchcache/content-info";
import { concatBytes } from "@branchcache/runtime";
import { manualClock } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";

const secret = new Uint8Array(32).fill(9);
const iv = new Uint8Array(16).fill(3);
const plain = [1, 2].map((n) => new Uint8Array(64).fill(n));

function seal(bytes: Uint8Array) {
  const aes = createCipheriv("aes-128-cbc", secret.subarray(0, 16), iv);
  return { cipher: 1 as const, iv, data: new Uint8Array(concatBytes(aes.update(bytes), aes.final())) };
}

const check = makeBlockCheck({
  engine,
  open: ({ data }, key) => {
    try {
      const aes = createDecipheriv("aes-128-cbc", key.subarray(0, 16), iv);
      return { plaintext: concatBytes(aes.update(data), aes.final()) };
    } catch {
      return undefined;
    }
  },
  secretOf: async (id) => (id[0] === 0xee ? undefined : secret),
});

function recordOf(algorithm: "sha256" | "sha512-truncated", blocks: readonly Uint8Array[]) {
  const blockHashes = concatBytes(...blocks.map((block) => engine.hash(algorithm, block)));
  const hashOfData =
    algorithm === "sha256" ? engine.hash(algorithm, blockHashes) : new Uint8Array(blockHashes);
  const sizes = { lengthBytes: 64 * blocks.length, blockSizeBytes: 64 };
  const id = deriveSegmentId(engine, algorithm, secret, hashOfData);
  return {
    ...{ id, algorithm, hashOfData, blockHashes, cipher: 1 as const, tags: [], trust: "verified" as const },
    ...{ ...sizes, createdMs: 0, pins: 0 },
  };
}

const asStored = (bytes: Uint8Array) => ({ ...seal(bytes), trust: "verified" as const, nextBlockIndex: 0 });

describe("the chain from identifier to block", () => {
  const v1 = recordOf("sha256", plain);
  const v2 = recordOf("sha512-truncated", plain.slice(0, 1));
  const elsewhere = { ...v1, id: new Uint8Array(32).fill(0xee) };
  it.each([
    ["version 1.0, block 0", v1, 0, plain[0], true],
    ["version 1.0, block 1", v1, 1, plain[1], true],
    ["version 2.0, with its one hash as a list", v2, 0, plain[0], true],
    ["version 2.0, with no list", { ...v2, blockHashes: undefined }, 0, plain[0], true],
    ["another block of version 2.0, with no list", { ...v2, blockHashes: undefined }, 0, plain[1], false],
    ["version 1.0 with no list", { ...v1, blockHashes: undefined }, 0, plain[0], undefined],
    ["the wrong block", v1, 0, plain[1], false],
    ["a block of another length", v1, 0, new Uint8Array(40), false],
    ["a false list", { ...v1, blockHashes: new Uint8Array(64) }, 0, plain[0], false],
    ["the list passed off as version 1.0's data", { ...v1, blockHashes: v1.hashOfData }, 0, plain[0], false],
    ["no secret", elsewhere, 0, plain[0], undefined],
    ["no hash of data", { ...v1, hashOfData: undefined }, 0, plain[0], undefined],
    ["an identifier of something else", { ...v1, id: new Uint8Array(32) }, 0, plain[0], undefined],
  ])("%s", async (_what, record, index, bytes, verdict) => {
    const { hashOfData, blockHashes, ...rest } = record;
    const known = { ...rest, ...(hashOfData && { hashOfData }), ...(blockHashes && { blockHashes }) };
    expect(await check(known, index, asStored(bytes ?? new Uint8Array(0)))).toBe(verdict);
  });

  it("finds a block that was sealed well and holds something else", async () => {
    const { blocks } = createMemoryStore({ limitBytes: 1e6, clock: manualClock() });
    await blocks.putBlock(v1, 0, seal(plain[0] ?? iv));
    await blocks.putBlock(v1, 1, seal(new Uint8Array(64).fill(66)));
    const report = await verifyStore(blocks, { check });
    expect(report.hashed).toBe(2);
    expect(report.damaged).toEqual([{ id: v1.id, index: 1, by: "hash" }]);
  });
});
