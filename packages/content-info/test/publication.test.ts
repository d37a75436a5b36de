import {
  createPublisher,
  decodePublication,
  encodePublication,
  type Publication,
  publicationFromColumns,
  publishBytes,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { DecodeError, errorCode } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exampleContent, exampleSecret } from "./support.ts";

/** Everything a publication says. */
function spelled(publication: Publication) {
  const { version, algorithm, lengthBytes, segmentCount } = publication;
  return {
    version,
    algorithm,
    lengthBytes,
    segments: Array.from({ length: segmentCount }, (_, index) => ({
      offsetBytes: publication.segmentOffsetBytes(index),
      lengthBytes: publication.segmentLengthBytes(index),
      hashOfData: publication.hashOfData(index),
      blockHashes: publication.blockHashes(index),
    })),
  };
}

const content = seededRandom(5).bytes(400_000);

describe("publishing", () => {
  it("PCCRC-9 PCCRC-15 PCCRC-16: one pass yields both versions, whatever the pieces", () => {
    const whole = publishBytes(content, { engine });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 150_000 }), { minLength: 1, maxLength: 6 }),
        (pieces) => {
          const publisher = createPublisher({ engine });
          let at = 0;
          for (let turn = 0; at < content.length; turn++) {
            const piece = content.slice(at, at + pieces[turn % pieces.length]!);
            publisher.update(piece);
            at += piece.length;
            piece.fill(0);
          }
          const { v1, v2 } = publisher.finish();
          expect(spelled(v1!)).toEqual(spelled(whole.v1!));
          expect(spelled(v2!)).toEqual(spelled(whole.v2!));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("PCCRC-16: a version 2.0 hash of data is the hash of the segment's bytes", () => {
    const { v2 } = publishBytes(content, { engine });
    for (let index = 0; index < v2!.segmentCount; index++) {
      const start = v2!.segmentOffsetBytes(index);
      const segment = content.subarray(start, start + v2!.segmentLengthBytes(index));
      expect(v2!.hashOfData(index)).toEqual(engine.hash("sha512-truncated", segment));
    }
  });

  it("PCCRC-51: version 1.0 is SHA-256 unless asked otherwise", () => {
    expect(publishBytes(content, { engine }).v1!.algorithm).toBe("sha256");
    expect(publishBytes(content, { engine, algorithm: "sha384" }).v1!.algorithm).toBe("sha384");
  });

  it("PCCRC-52: makes both versions, so that those who know only 1.0 are served, unless told otherwise", () => {
    expect(Object.keys(publishBytes(content, { engine }))).toEqual(["v1", "v2"]);
    expect(Object.keys(publishBytes(content, { engine, versions: [1] }))).toEqual(["v1"]);
    expect(Object.keys(publishBytes(content, { engine, versions: [2] }))).toEqual(["v2"]);
  });

  it("PCCRC-30 PCCRC-46: content of no bytes has no Content Information", () => {
    const { v1, v2 } = publishBytes(new Uint8Array(0), { engine });
    for (const publication of [v1!, v2!]) {
      expect(publication.segmentCount).toBe(0);
      try {
        writeContentInformation(publication, exampleSecret, engine);
        expect.unreachable();
      } catch (error) {
        expect(errorCode(error)).toBe("BC_CONTENT_EMPTY");
      }
    }
  });

  it("PCCRC-8: version 1.0 columns with a short segment in the middle are refused", () => {
    const columns = {
      version: 1,
      algorithm: "sha256",
      hashesOfData: new Uint8Array(64),
      blockHashes: new Uint8Array(64),
    } as const;
    expect(() => publicationFromColumns({ ...columns, segmentLengths: Uint32Array.of(5, 5) })).toThrow(
      RangeError,
    );
    expect(() => publicationFromColumns({ ...columns, segmentLengths: Uint32Array.of(5) })).toThrow(
      RangeError,
    );
    expect(() =>
      publicationFromColumns({ ...columns, version: 2, segmentLengths: Uint32Array.of(5, 5) }),
    ).toThrow(RangeError);
  });
});

describe("publications in a store", () => {
  const kinds: readonly (readonly [string, Publication])[] = [
    ["version 1.0, SHA-256", publishBytes(content, { engine }).v1!],
    ["version 1.0, SHA-384", publishBytes(content, { engine, algorithm: "sha384" }).v1!],
    ["version 1.0, SHA-512", publishBytes(content, { engine, algorithm: "sha512" }).v1!],
    ["version 1.0, two segments", publishBytes(exampleContent(33_654_432), { engine, versions: [1] }).v1!],
    ["version 2.0", publishBytes(content, { engine }).v2!],
    ["nothing", publishBytes(new Uint8Array(0), { engine }).v2!],
  ];

  it.each(kinds)("come back as they were: %s", (_, publication) => {
    expect(spelled(decodePublication(encodePublication(publication)))).toEqual(spelled(publication));
  });

  it.each(kinds.filter(([name]) => !name.includes("two")))("damage is noticed: %s", (_, publication) => {
    const bytes = encodePublication(publication);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodePublication(bytes.subarray(0, length))).toThrow(DecodeError);
    }
    expect(() => decodePublication(Uint8Array.of(...bytes, 0))).toThrow(DecodeError);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << (at % 8);
      expect(() => decodePublication(damaged)).toThrow(DecodeError);
    }
  });
});
