import { encodePublication, type Publications, publishBytes } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { manualClock } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { memoryPublicationStore, urlPublications } from "../../../src/node.ts";

const SIZE_BYTES = 100_000;

const encoded = ({ v1, v2 }: Publications = {}) => [v1, v2].map((one) => one && encodePublication(one));

describe("urlPublications", () => {
  it.each([
    ["older first", [0, 1]],
    ["newer first", [1, 0]],
  ])("content that changes while it is hashed: the newer hashes stay, done %s", async (_name, order) => {
    const publications = urlPublications({
      store: memoryPublicationStore(),
      clock: manualClock(),
      engine: nodeHashEngine,
      concurrency: 2,
    });
    const contents = ["old", "new"].map((validator, index) => {
      let send = (): void => {};
      const maySend = new Promise<void>((resolve) => {
        send = resolve;
      });
      return { validator, bytes: Buffer.alloc(SIZE_BYTES, index), maySend, send };
    });
    const resourceOf = (validator: string) => ({ key: "http://a/b", validator, sizeBytes: SIZE_BYTES });
    const jobs = contents.map(({ validator, bytes, maySend }) =>
      publications
        .from({
          tee: () => undefined,
          async *fetch() {
            await maySend;
            yield bytes;
          },
        })
        .request(resourceOf(validator)),
    );
    for (const index of order) {
      contents[index]?.send();
      await jobs[index];
    }
    const found = await publications.lookup(resourceOf("new"));
    const made = publishBytes(Buffer.alloc(SIZE_BYTES, 1), { engine: nodeHashEngine });
    expect(encoded(found)).toEqual(encoded(made));
    await publications.close();
  });
});
