import { createMemoryStore } from "@branchcache/cache-store";
import {
  publishBytes,
  readContentInformation,
  ServerSecret,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { systemClock } from "@branchcache/runtime/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { startPeerNode } from "../src/peer-node.ts";

const content = seededRandom(11).bytes(200_000);
const { v1 } = publishBytes(content, { engine: nodeHashEngine });
if (!v1) throw new Error("no publication");
const information = writeContentInformation(v1, ServerSecret.fromBytes(Uint8Array.of(1)), nodeHashEngine);
const [segment] = readContentInformation(information, nodeHashEngine).segments;
if (!segment) throw new Error("no segment");
const second = content.slice(65_536, 131_072);

describe("the blocks of a node", () => {
  it("are read one by one, and go with their tag", async () => {
    const store = createMemoryStore({ limitBytes: 2 ** 24, clock: systemClock });
    const { blocks } = await startPeerNode({ store, mode: "local" });
    expect(await blocks.read(segment, 1)).toBeUndefined();
    expect(await blocks.keep(segment, 1, second, "mine")).toBe("kept");
    expect(await blocks.held([segment])).toEqual([new Set([1])]);
    expect(await blocks.read(segment, 1)).toEqual(second);
    expect(await blocks.flush("another")).toBe(0);
    expect(await blocks.flush("mine")).toBe(1);
    expect(await blocks.read(segment, 1)).toBeUndefined();
  });

  it("are missing where there are no peers", async () => {
    const store = createMemoryStore({ limitBytes: 2 ** 24, clock: systemClock });
    const { blocks } = await startPeerNode({ store, mode: "local" });
    const { signal } = new AbortController();
    const pieces = [];
    for await (const piece of blocks.fetch([{ segment, blockIndex: 2 }], {
      signal,
      tag: "mine",
      blockTimeoutMs: 1_000,
    })) {
      pieces.push(piece);
    }
    expect(pieces).toMatchObject([{ kind: "missing", blockIndex: 2, reason: "no-peer" }]);
  });
});
