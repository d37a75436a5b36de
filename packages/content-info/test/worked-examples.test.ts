import {
  contentInformationLength,
  nobleHashEngine,
  publishBytes,
  readContentInformation,
  type Segment,
  segmentsOf,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { toHex } from "@branchcache/runtime";
import { describe, expect, it } from "vitest";
import {
  evenCuts,
  exampleContent,
  exampleSecret,
  hex,
  publishCut,
  sha256Hex,
  workedExamples,
} from "./support.ts";

const engine = nodeHashEngine;

interface ExpectedSegment {
  readonly index: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly hashOfData?: string;
  readonly secret?: string;
  readonly id?: string;
  readonly blockCount?: number;
  readonly blocks?: Readonly<Record<string, string | undefined>>;
}

function expectSegment(segment: Segment | undefined, expected: ExpectedSegment): void {
  expect(segment).toBeDefined();
  if (!segment) return;
  expect(segment.offsetBytes).toBe(expected.offsetBytes);
  expect(segment.lengthBytes).toBe(expected.lengthBytes);
  expect(toHex(segment.hashOfData)).toBe(expected.hashOfData);
  expect(toHex(segment.secret)).toBe(expected.secret);
  expect(toHex(segment.id)).toBe(expected.id);
  if (expected.blockCount !== undefined) expect(segment.blockHashes).toHaveLength(expected.blockCount);
  for (const [index, hash] of Object.entries(expected.blocks ?? {})) {
    expect(toHex(segment.blockHashes[Number(index)]!)).toBe(hash);
  }
}

describe("version 1.0, whole content", () => {
  it.each(workedExamples.v1)(
    "PCCRC-7 PCCRC-9 PCCRC-10 PCCRC-15 PCCRC-17 PCCRC-19 PCCRC-26: $sizeBytes bytes",
    (example) => {
      const content = exampleContent(example.sizeBytes);
      expect(sha256Hex(engine, content)).toBe(example.contentSha256);
      const publication = publishBytes(content, { engine, versions: [1] }).v1!;
      const written = writeContentInformation(publication, exampleSecret, engine);
      expect(written).toHaveLength(example.lengthBytes);
      expect(contentInformationLength(publication)).toBe(example.lengthBytes);
      expect(sha256Hex(engine, written)).toBe(example.sha256);
      if ("bytes" in example) expect(toHex(written)).toBe(example.bytes);

      const segments = segmentsOf(publication, exampleSecret, engine);
      const read = readContentInformation(written, engine);
      expect(read.range).toEqual({ startBytes: 0, endBytes: example.sizeBytes });
      expect(read.segments).toHaveLength(example.segments.length);
      for (const expected of example.segments) {
        expectSegment(segments[expected.index], expected);
        expectSegment(read.segments[expected.index], expected);
      }
    },
  );

  it.each(workedExamples.v1)(
    "T5 PCCRC-36: the explicit length of $sizeBytes bytes is accepted",
    (example) => {
      const publication = publishBytes(exampleContent(example.sizeBytes), { engine, versions: [1] }).v1!;
      const explicit = writeContentInformation(publication, exampleSecret, engine);
      const last = publication.segmentLengthBytes(publication.segmentCount - 1);
      new DataView(explicit.buffer).setUint32(10, last, true);
      expect(sha256Hex(engine, explicit)).toBe(example.explicitSha256);
      expect(readContentInformation(explicit, engine).range).toEqual({
        startBytes: 0,
        endBytes: example.sizeBytes,
      });
    },
  );

  it.each(workedExamples.v1Algorithms)("PCCRC-2 PCCRC-14 PCCRC-27 PCCRC-35: $algorithm", (example) => {
    const algorithm = example.algorithm as "sha384" | "sha512";
    const content = exampleContent(example.sizeBytes);
    const publication = publishBytes(content, { engine, versions: [1], algorithm }).v1!;
    const written = writeContentInformation(publication, exampleSecret, engine);
    expect(written).toHaveLength(example.lengthBytes);
    expect(sha256Hex(engine, written)).toBe(example.sha256);
    const read = readContentInformation(written, engine);
    expect(read.algorithm).toBe(algorithm);
    expect(toHex(read.segments[0]!.hashOfData)).toBe(example.hashOfData);
    expect(toHex(read.segments[0]!.secret)).toBe(example.secret);
    expect(toHex(read.segments[0]!.id)).toBe(example.id);
  });
});

describe("version 1.0, ranges", () => {
  it.each(workedExamples.v1Ranges)(
    "PCCRC-28 PCCRC-29 PCCRC-31 PCCRC-33 PCCRC-34: [$startBytes, $endBytes) of $sizeBytes",
    (example) => {
      const { startBytes, endBytes } = example;
      const range = { startBytes, endBytes };
      const publication = publishBytes(exampleContent(example.sizeBytes), { engine, versions: [1] }).v1!;
      expect(toHex(writeContentInformation(publication, exampleSecret, engine, range))).toBe(example.bytes);
      const read = readContentInformation(hex(example.bytes), engine);
      expect(read.range).toEqual(range);
      expect(read.segments.map((segment) => segment.firstBlockIndex)).toEqual(example.firstBlocks);
      for (const segment of read.segments) expect(segment.blockHashes).toHaveLength(1);
    },
  );

  it("T4: leading blocks listed, as in example 3.3", () => {
    const example = workedExamples.v1Ranges[0]!;
    const { startBytes, endBytes } = example;
    const publication = publishBytes(exampleContent(example.sizeBytes), { engine, versions: [1] }).v1!;
    const leading = writeContentInformation(
      publication,
      exampleSecret,
      engine,
      { startBytes, endBytes },
      { leadingBlocks: "list" },
    );
    expect(leading).toHaveLength(example.leading!.lengthBytes);
    expect(sha256Hex(engine, leading)).toBe(example.leading!.sha256);
    const { range, segments } = readContentInformation(leading, engine);
    expect(range).toEqual({ startBytes, endBytes });
    expect(segments[0]!.firstBlockIndex).toBe(0);
    expect(segments[0]!.blockHashes).toHaveLength(2);
  });
});

describe("version 2.0", () => {
  it.each(workedExamples.v2)(
    "PCCRC-16 PCCRC-38 PCCRC-39 PCCRC-40 PCCRC-42 PCCRC-47: $sizeBytes bytes cut every 64 KiB",
    (example) => {
      const content = exampleContent(example.sizeBytes);
      const publication = publishCut(content, evenCuts(example.sizeBytes, 65_536), engine);
      const written = writeContentInformation(publication, exampleSecret, engine);
      expect(written).toHaveLength(example.lengthBytes);
      expect(sha256Hex(engine, written)).toBe(example.sha256);
      if ("bytes" in example) expect(toHex(written)).toBe(example.bytes);
      const segments = segmentsOf(publication, exampleSecret, engine);
      const read = readContentInformation(written, engine);
      expect(read.segments).toHaveLength(example.segmentCount);
      for (const expected of example.segments) {
        expectSegment(segments[expected.index], expected);
        expectSegment(read.segments[expected.index], expected);
      }
    },
  );

  it("PCCRC-46: cut every 128 KiB", () => {
    const content = exampleContent(33_654_432);
    const publication = publishCut(content, evenCuts(content.length, 131_072), engine);
    const written = writeContentInformation(publication, exampleSecret, engine);
    expect(written).toHaveLength(17_512);
    expect(sha256Hex(engine, written)).toBe(
      "e2ecf0f927211820afc79b4334f62d32d42be97d8a6f2e1ec318fd4cd268a8f5",
    );
    const last = readContentInformation(written, engine).segments[256]!;
    expect(last.lengthBytes).toBe(100_000);
    expect(toHex(last.id)).toBe("2cf06b4d88923b05322f0c49abb97f9be765a4e1bc395da29f50429de0ed5bdc");
  });

  it.each(workedExamples.v2Ranges)(
    "PCCRC-41 PCCRC-42 T6 T8: [$startBytes, $endBytes) of cuts $cuts",
    (example) => {
      const { startBytes, endBytes } = example;
      const content = exampleContent(example.cuts.reduce((sum, length) => sum + length));
      const publication = publishCut(content, example.cuts, engine);
      const range = { startBytes, endBytes };
      expect(toHex(writeContentInformation(publication, exampleSecret, engine, range))).toBe(example.bytes);
      const read = readContentInformation(hex(example.bytes), engine);
      expect(read.range).toEqual(range);
      expect(read.segments[0]!.offsetBytes).toBe(example.cuts[0]);
    },
  );
});

describe("server keys", () => {
  const keys = [
    ["sha256", "466fdb2dc638c07d0173be7ba159d803942c1609f182c1d04e346c5c55b5d834"],
    [
      "sha384",
      "70c872186eca0ba8e3046d683a53f392b41b6fe24451e31a4675ba8fdf0b857fa4032d26d9dbbeeb1c7e04539d063012",
    ],
    [
      "sha512",
      "87b793f77f5304f580089cfd9c825e5e54123a304a3f379a1ef4c4d8e0c9a75ae8ad009f371a5115e078b8d36a29694d8918bc135d86938512e31cdfedc2d320",
    ],
    ["sha512-truncated", "87b793f77f5304f580089cfd9c825e5e54123a304a3f379a1ef4c4d8e0c9a75a"],
  ] as const;
  it.each(keys)("PCCRC-2 T3: Ks by %s", (algorithm, expected) => {
    expect(toHex(exampleSecret.deriveKey(engine, algorithm))).toBe(expected);
    expect(toHex(exampleSecret.deriveKey(nobleHashEngine, algorithm))).toBe(expected);
  });
});
