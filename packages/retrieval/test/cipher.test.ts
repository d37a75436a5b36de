import { createCipheriv } from "node:crypto";
import type { CipherId } from "@branchcache/content-info";
import { fromHex, toHex } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { sealedLengthBytes } from "../src/index.ts";
import { createNodeBlockCipher } from "../src/node/block-cipher.ts";
import vectors from "./vectors/messages.json" with { type: "json" };

const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;
const secret = hex("130ab79627574c452eb218276007edfa3ccba29c312e9da4d4a3c2b07db58a76");
const iv = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
const plaintext = Uint8Array.from({ length: 100 }, (_, i) => i);
const cipher = createNodeBlockCipher();
const fixed = { bytes: () => iv };
const ciphers = [1, 2, 3] as const;

describe("block cipher", () => {
  it.each(ciphers)("PCCRR-96 PCCRR-97 PCCRR-122 PCCRR-125 worked example of cipher %i", (id) => {
    const sealed = cipher.seal(plaintext, secret, id, fixed);
    expect(toHex(sealed.data)).toBe(vectors.ciphertexts[id]);
    expect(cipher.open(sealed, secret, 100)).toEqual({ plaintext, canonical: true });
  });

  it.each(ciphers)("secrets of 48 and 64 bytes are cut for cipher %i as well", (id) => {
    for (const length of [48, 64]) {
      const longer = new Uint8Array(length);
      longer.set(secret);
      expect(toHex(cipher.seal(plaintext, longer, id, fixed).data)).toBe(vectors.ciphertexts[id]);
    }
  });

  it.each([0, 1] as const)("frees released plaintexts of cipher %i, and nothing else", (id) => {
    const cipher = createNodeBlockCipher();
    const sealed = cipher.seal(plaintext, secret, id, fixed);
    const data = Buffer.from(sealed.data);
    const opened = Array.from({ length: 12 }, () => cipher.open({ ...sealed, data }, secret, 100)?.plaintext);
    for (const each of opened.slice(0, 8)) cipher.release?.(each as Uint8Array);
    expect(opened.map((each) => each?.length)).toEqual([...Array(8).fill(0), ...Array(4).fill(100)]);
    expect(opened[11]).toEqual(plaintext);
    expect(toHex(data)).toBe(toHex(sealed.data));
    expect(cipher.open(sealed, secret, 100)).toEqual({ plaintext, canonical: true });
  });

  it("cipher 0 is the plaintext itself", () => {
    const sealed = cipher.seal(plaintext, secret, 0, fixed);
    expect(sealed).toEqual({ cipher: 0, iv: new Uint8Array(0), data: plaintext });
    expect(cipher.open(sealed, secret, 100)).toEqual({ plaintext, canonical: true });
    expect(cipher.open(sealed, secret, 90)).toEqual({
      plaintext: plaintext.subarray(0, 90),
      canonical: false,
    });
  });

  it("PCCRR-123 takes a fresh IV of 16 bytes each time", () => {
    const random = seededRandom(1);
    const [first, second] = [1, 2].map(() => cipher.seal(plaintext, secret, 1, random));
    expect(first?.iv).toHaveLength(16);
    expect(first?.iv).not.toEqual(second?.iv);
  });

  it("opens blocks of several segments and ciphers in any order", () => {
    const random = seededRandom(2);
    const other = seededRandom(3).bytes(32);
    const blocks = [1, 2, 3, 1, 3, 1].flatMap((id, i) =>
      [secret, other].map((key) => {
        const bytes = random.bytes(16 * i + i);
        return { key, bytes, sealed: cipher.seal(bytes, key, id as CipherId, random) };
      }),
    );
    for (const { bytes, key, sealed } of [...blocks, ...blocks.reverse()]) {
      expect(cipher.open(sealed, key, bytes.length)).toEqual({ plaintext: bytes, canonical: true });
    }
  });

  it("PCCRR-99 refuses no multiple of 16, too little, and an IV of another length", () => {
    const { data } = cipher.seal(plaintext, secret, 1, fixed);
    const open = (bytes: Uint8Array, vector: Uint8Array) =>
      cipher.open({ cipher: 1, iv: vector, data: bytes }, secret, 100);
    expect(open(data.subarray(0, 111), iv)).toBeUndefined();
    expect(open(data.subarray(0, 96), iv)).toBeUndefined();
    expect(open(data, iv.subarray(0, 15))).toBeUndefined();
    expect(open(data, new Uint8Array(17))).toBeUndefined();
    expect(open(data, iv)).toBeDefined();
  });

  it("accepts anything after the block's length, and says that it is not canonical", () => {
    const padded = (tail: Uint8Array): Uint8Array => {
      const aes = createCipheriv("aes-128-cbc", secret.subarray(0, 16), iv).setAutoPadding(false);
      return new Uint8Array(aes.update(Buffer.concat([plaintext, tail])));
    };
    const open = (tail: Uint8Array) => cipher.open({ cipher: 1, iv, data: padded(tail) }, secret, 100);
    expect(open(new Uint8Array(12).fill(12))).toEqual({ plaintext, canonical: true });
    expect(open(new Uint8Array(12))).toEqual({ plaintext, canonical: false });
    expect(open(new Uint8Array(28).fill(28))).toEqual({ plaintext, canonical: false });
    const exact = cipher.open({ cipher: 1, iv, data: padded(new Uint8Array(12)) }, secret, 112);
    expect(exact).toMatchObject({ canonical: false });
  });

  it.each([
    [0, 1, 16],
    [15, 1, 16],
    [16, 1, 32],
    [65_536, 3, 65_552],
    [100, 0, 100],
  ] as const)("%i bytes under cipher %i become %i", (length, id, sealed) => {
    expect(sealedLengthBytes(length, id)).toBe(sealed);
    expect(cipher.seal(new Uint8Array(length), secret, id, fixed).data).toHaveLength(sealed);
  });
});
