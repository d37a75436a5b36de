import type { ContentPiece, ContentReader, PeerNode, PiecesOptions } from "@branchcache/peer-node";
import { silentObserver } from "@branchcache/runtime";
import { expect, it } from "vitest";
import { NodeSwitch } from "../../src/daemon/node-switch.ts";
import { Downloads } from "../../src/telemetry/downloads.ts";

const bytes = Uint8Array.of(1, 2, 3);
const missing = [{ startBytes: 3, endBytes: 5 }];

/** What its one reader is told. */
function fakeNode() {
  const told: unknown[] = [];
  const reader: ContentReader = {
    range: { startBytes: 0, endBytes: 5 },
    blockAt: (offsetBytes) => ({ offsetBytes, lengthBytes: 3 }),
    async *pieces({ onMissing }: PiecesOptions = {}): AsyncGenerator<ContentPiece, void, undefined> {
      onMissing?.(missing);
      yield { kind: "data", offsetBytes: 0, bytes, source: "peer" };
      yield { kind: "missing", offsetBytes: 3, lengthBytes: 2, reason: "no-peer" };
    },
    add: async (offsetBytes) => {
      told.push(["add", offsetBytes]);
      return "kept";
    },
    release: (given) => told.push(["release", given]),
    explain: async () => ({ peers: [], questions: { count: 0, segments: 0 } as never, segments: [] }),
    close: async () => void told.push(["close"]),
    async [Symbol.asyncDispose]() {},
  };
  const node = { open: async () => reader, close: async () => void told.push(["closed"]) };
  return { told, node: node as unknown as PeerNode };
}

it("hands on all that a reader is asked and given, and counts it", async () => {
  const downloads = new Downloads();
  const { node, told } = fakeNode();
  const nodes = new NodeSwitch(downloads, silentObserver);
  nodes.use(node);
  const reader = await nodes.open(new Uint8Array(0), { name: "http://server/a" });
  const heard: unknown[] = [];
  for await (const piece of reader.pieces({ onMissing: (ranges) => heard.push(ranges) })) {
    if (piece.kind === "data") reader.release?.(piece.bytes);
    else expect(await reader.add(piece.offsetBytes, bytes.subarray(0, 2))).toBe("kept");
  }
  expect(heard).toEqual([missing]);
  expect(told).toEqual([
    ["release", bytes],
    ["add", 3],
  ]);
  // Whoever began on a node ends on it.
  nodes.use(undefined);
  expect(told).toHaveLength(2);
  await reader.close();
  expect(told.slice(2)).toEqual([["close"], ["closed"]]);
  expect(downloads.list()[0]?.bytes).toEqual({ local: 0, peer: 3, hosted: 0, origin: 2 });
});
