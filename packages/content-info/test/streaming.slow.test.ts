import { contentInformationParts, createContentInformationReader } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { expect, it } from "vitest";
import { slowRuns } from "../../../test/support/slow.ts";
import { exampleSecret } from "./support.ts";
import { syntheticPublication } from "./synthetic.ts";

/** 1 TiB where the slow lane goes through all of it. */
const LENGTH_BYTES = slowRuns(1_024) * 2 ** 30;

it.each([1, 2] as const)(
  "1 TiB described in version %d.0 is written and read without being held",
  (version) => {
    const publication = syntheticPublication(version, LENGTH_BYTES);
    const reader = createContentInformationReader(engine);
    let read = 0;
    let mostBytes = 0;
    let parts = 0;
    for (const part of contentInformationParts(publication, exampleSecret, engine)) {
      for (const segment of reader.push(part)) read += segment.lengthBytes;
      if (parts++ % 64 === 0) mostBytes = Math.max(mostBytes, process.memoryUsage().rss);
    }
    expect(reader.end().range).toEqual({ startBytes: 0, endBytes: LENGTH_BYTES });
    expect(read).toBe(LENGTH_BYTES);
    // At 1 TiB the blobs have 540 and 570 MB.
    expect(mostBytes).toBeLessThan(400_000_000);
  },
);
