/** What a node tells a hosted cache about the blocks that it keeps. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createMemoryStore } from "@branchcache/cache-store";
import { publishBytes, type Segment, ServerSecret, segmentsOf } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { contentTag, encodeResponse, HTTP_TAG, parseOfferRequest } from "@branchcache/hosted-cache";
import { toHex } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { manualClock, seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { startPeerNode } from "../../src/peer-node.ts";

const BLOCKS = 10;
const BLOCK_BYTES = 65_536;
/** For how long offers wait for company. */
const BATCH_MS = 500;

/** A segment of version 1 and of ten blocks. */
function content(seed: number) {
  const bytes = seededRandom(seed).bytes(BLOCKS * BLOCK_BYTES);
  const { v1 } = publishBytes(bytes, { engine, versions: [1] });
  const [segment] = v1 ? segmentsOf(v1, ServerSecret.fromBytes(Uint8Array.of(1)), engine) : [];
  if (!segment) throw new Error("not published");
  return {
    segment,
    block: (index: number) => bytes.slice(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES),
  };
}

interface OfferedTag {
  readonly id: string;
  readonly tag: string;
}

/** A node and the hosted cache that it offers to, which takes note and pulls nothing. */
async function office() {
  const offers: OfferedTag[][] = [];
  const cache = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const offer = parseOfferRequest(Buffer.concat(chunks), 2);
    if (offer.kind !== "batchedOffer") throw new Error("no offer of version 2.0");
    offers.push(offer.segments.map((each) => ({ id: toHex(each.segmentId), tag: toHex(each.contentTag) })));
    response.end(encodeResponse("ok"));
  });
  cache.listen(0, "127.0.0.1");
  await once(cache, "listening");
  const { port } = cache.address() as AddressInfo;
  const clock = manualClock();
  const store = createMemoryStore({ limitBytes: 2 ** 24, clock: systemClock });
  const node = await startPeerNode({
    store,
    mode: "hosted-client",
    listen: { host: "127.0.0.1", port: 0 },
    hostedClient: { servers: [{ host: "127.0.0.1", port }] },
    clock,
  });
  return {
    node,
    offers,
    /** Lets offers that wait for company go out, and waits until all are answered. */
    async settled() {
      await clock.advance(BATCH_MS);
      while (clock.pending > 0) await new Promise((resolve) => setImmediate(resolve));
    },
    async [Symbol.asyncDispose]() {
      await node.close();
      await store.close();
      cache.closeAllConnections();
      cache.close();
    },
  };
}

const idOf = ({ id }: Segment): string => toHex(id);

describe("a node and its hosted cache", () => {
  it("API-79 offers each segment under the tag that its blocks are kept under", async () => {
    await using all = await office();
    const tags = [toHex(contentTag("BITS-4.0")), "00ff10203040506070809000a0b0c0d0", "a name", "ff00"];
    const contents = tags.map((_, i) => content(i + 1));
    for (const [i, { block, segment }] of contents.entries()) {
      for (const index of [0, 1]) await all.node.blocks.keep(segment, index, block(index), tags[i] ?? "");
    }
    await all.settled();
    const [bits, binary] = tags;
    const http = toHex(HTTP_TAG);
    expect(all.offers).toEqual([
      [bits, binary, http, http].map((tag, i) => ({ id: contents[i] && idOf(contents[i].segment), tag })),
    ]);
  });

  it("API-56 offers a segment as it grows: at 20, 40, 60, 80 and 100 % of its blocks", async () => {
    await using all = await office();
    const { block, segment } = content(1);
    const offersSoFar: number[] = [];
    for (let index = 0; index < BLOCKS; index++) {
      expect(await all.node.blocks.keep(segment, index, block(index), "mine")).toEqual("kept");
      await all.settled();
      offersSoFar.push(all.offers.length);
    }
    expect(offersSoFar).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4, 5]);
    expect(new Set(all.offers.flat().map(({ id }) => id))).toEqual(new Set([idOf(segment)]));
  });
});
