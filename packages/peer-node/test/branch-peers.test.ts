import type { Segment } from "@branchcache/content-info";
import type { PeerDiscovery } from "@branchcache/discovery";
import type { PeerSource } from "@branchcache/retrieval";
import { manualClock, recordingObserver } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { BranchPeers } from "../src/branch-peers.ts";

const segment: Segment = {
  version: 2,
  algorithm: "sha512-truncated",
  id: new Uint8Array(32),
  secret: new Uint8Array(32),
  offsetBytes: 0,
  firstBlockIndex: 0,
  lengthBytes: 1_000,
  blockSizeBytes: 1_000,
  hashOfData: new Uint8Array(32),
  blockHashes: [],
};

/** A link on which these peers hold everything. */
function linkOf(ids: readonly string[]): PeerDiscovery {
  return {
    endpointId: "own",
    async *find() {
      for (const id of ids)
        yield { peer: { id, addresses: [] }, segments: [{ id: segment.id, complete: true }] };
    },
    forget() {},
    async close() {},
    async [Symbol.asyncDispose]() {},
  };
}

const liar = (id: string): PeerSource => ({ id, addresses: [], kind: "peer" });

async function found(peers: BranchPeers): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { peer } of peers.find([segment], new AbortController().signal)) ids.push(peer.id);
  return ids;
}

it("leaves who lied out for the time of the quarantine, and no longer", async () => {
  const clock = manualClock();
  const observer = recordingObserver();
  const peers = new BranchPeers({ clock, observer, quarantineMs: 1_000 });
  peers.discovery = linkOf(["honest", "liar"]);
  peers.quarantine(liar("liar"));
  expect(await found(peers)).toEqual(["honest"]);
  await clock.advance(999);
  expect(await found(peers)).toEqual(["honest"]);
  await clock.advance(1);
  expect(await found(peers)).toEqual(["honest", "liar"]);
  expect(observer.last("peers_quarantined")).toBe(0);
});

it("remembers a bounded number of those who lied, the latest", async () => {
  const observer = recordingObserver();
  const peers = new BranchPeers({ clock: manualClock(), observer });
  peers.discovery = linkOf(["liar 0", "liar 4999"]);
  for (let n = 0; n < 5_000; n++) peers.quarantine(liar(`liar ${n}`));
  expect(observer.last("peers_quarantined")).toBe(1_024);
  expect(await found(peers)).toEqual(["liar 0"]);
});
