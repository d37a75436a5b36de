import { contentInformationParts, createContentInformationReader } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { expect, it } from "vitest";
import { exampleSecret } from "./support.ts";
import { syntheticPublication } from "./synthetic.ts";

const TIB = 2 ** 40;

it.each([1, 2] as const)(
  "1 TiB described in version %d.0 is written and read without being held",
  (version) => {
    const publication = syntheticPublication(version, TIB);
    const reader = createContentInformationReader(engine);
    let read = 0;
    let mostBytes = 0;
    let parts = 0;
    for (const part of contentInformationParts(publication, exampleSecret, engine)) {
      for (const segment of reader.push(part)) read += segment.lengthBytes;
      if (parts++ % 64 === 0) mostBytes = Math.max(mostBytes, process.memoryUsage().rss);
    }
    expect(reader.end().range).toEqual({ startBytes: 0, endBytes: TIB });
    expect(read).toBe(TIB);
    // The blobs have 540 and 570 MB.
    expect(mostBytes).toBeLessThan(400_000_000);
  },
);
