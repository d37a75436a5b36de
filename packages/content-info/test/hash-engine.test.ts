import { type HashAlgorithm, hashLengthBytes, nobleHashEngine } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { concatBytes, toHex } from "@branchcache/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const algorithms: readonly HashAlgorithm[] = ["sha256", "sha384", "sha512", "sha512-truncated"];
const engines = [
  ["node:crypto", nodeHashEngine],
  ["@noble/hashes", nobleHashEngine],
] as const;

const webNames = {
  sha256: "SHA-256",
  sha384: "SHA-384",
  sha512: "SHA-512",
  "sha512-truncated": "SHA-512",
} as const;

/** A third opinion: what browsers have, which answers later and so cannot stand behind the seam. */
async function webCrypto(
  algorithm: HashAlgorithm,
  key: Uint8Array<ArrayBuffer>,
  bytes: Uint8Array<ArrayBuffer>,
) {
  const hash = webNames[algorithm];
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash }, false, ["sign"]);
  const [digest, signature] = await Promise.all([
    crypto.subtle.digest(hash, bytes),
    crypto.subtle.sign("HMAC", imported, bytes),
  ]);
  const length = hashLengthBytes(algorithm);
  return { hash: new Uint8Array(digest, 0, length), hmac: new Uint8Array(signature, 0, length) };
}

describe.each(algorithms)("%s", (algorithm) => {
  it("PCCRC-14: and Web Crypto agrees with both", async () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    // Web Crypto refuses keys of no bytes.
    const key = fc.uint8Array({ minLength: 1, maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(key, bytes, async (someKey, someBytes) => {
        const expected = await webCrypto(algorithm, Uint8Array.from(someKey), Uint8Array.from(someBytes));
        for (const [, engine] of engines) {
          expect(engine.hash(algorithm, someBytes)).toEqual(expected.hash);
          expect(engine.hmac(algorithm, someKey, someBytes)).toEqual(expected.hmac);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("PCCRC-14: both engines agree on any input and key", () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(bytes, fc.array(bytes, { maxLength: 4 }), (key, parts) => {
        const hash = nodeHashEngine.hash(algorithm, ...parts);
        expect(nobleHashEngine.hash(algorithm, ...parts)).toEqual(hash);
        expect(nobleHashEngine.hmac(algorithm, key, ...parts)).toEqual(
          nodeHashEngine.hmac(algorithm, key, ...parts),
        );
        expect(hash).toHaveLength(hashLengthBytes(algorithm));
        for (const [, engine] of engines) {
          expect(engine.hash(algorithm, concatBytes(...parts))).toEqual(hash);
          const running = engine.create(algorithm);
          for (const part of parts) running.update(part);
          expect(running.digest()).toEqual(hash);
        }
      }),
    );
  });
});

describe.each(engines)("%s", (_, engine) => {
  // FIPS 180-4 examples, "abc"; the last is the first half of the third.
  const abc = new TextEncoder().encode("abc");
  const known = [
    ["sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "sha384",
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ],
    [
      "sha512",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ],
    ["sha512-truncated", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"],
  ] as const;
  it.each(known)("PCCRC-47: %s of abc", (algorithm, expected) => {
    expect(toHex(engine.hash(algorithm, abc))).toBe(expected);
  });

  it("gives arrays of their own", () => {
    const hash = engine.hash("sha512-truncated", abc);
    expect(hash.buffer.byteLength).toBe(32);
    expect(hash.constructor).toBe(Uint8Array);
  });
});
