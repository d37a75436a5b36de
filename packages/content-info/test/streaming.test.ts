import {
  contentInformationLength,
  contentInformationParts,
  createContentInformationReader,
} from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { describe, expect, it } from "vitest";
import { exampleSecret } from "./support.ts";
import { syntheticPublication } from "./synthetic.ts";

const GIB = 2 ** 30;
const TIB = 2 ** 40;

describe("Content Information of huge content", () => {
  it.each([1, 2] as const)("version %d.0 of 1 TiB starts before all of it is made", (version) => {
    const publication = syntheticPublication(version, TIB);
    const parts = contentInformationParts(publication, exampleSecret, engine);
    const first = parts.next().value!;
    expect(first.length).toBeGreaterThan(60_000);
    expect(publication.asked).toBeLessThan(1000);
    const reader = createContentInformationReader(engine);
    const segments = reader.push(first);
    expect(segments.length).toBe(version === 1 ? 0 : Math.floor((first.length - 36) / 68));
  });

  it.each([1, 2] as const)("version %d.0 of 1 GiB goes through part by part", (version) => {
    const lengthBytes = GIB + 1;
    const publication = syntheticPublication(version, lengthBytes);
    const reader = createContentInformationReader(engine);
    let written = 0;
    let read = 0;
    for (const part of contentInformationParts(publication, exampleSecret, engine)) {
      written += part.length;
      for (const segment of reader.push(part)) read += segment.lengthBytes;
    }
    expect(reader.end().range).toEqual({ startBytes: 0, endBytes: lengthBytes });
    expect(read).toBe(lengthBytes);
    expect(written).toBe(contentInformationLength(publication));
  });

  it("PCCRC-44: more segments than a chunk can hold go into further chunks", () => {
    const most = Math.floor(0xffff_ffff / 68);
    const length = (segments: number) =>
      contentInformationLength(syntheticPublication(2, segments * 131_072));
    expect(length(most)).toBe(36 + 68 * most);
    expect(length(most + 1)).toBe(36 + 5 + 68 * (most + 1));
  });
});
