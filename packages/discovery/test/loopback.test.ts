import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { expect, it } from "vitest";
import { startPeerDiscovery } from "../src/index.ts";
import { A, HandCache } from "./support.ts";

it("PCCRD-1 PCCRD-39 PCCRD-63 two on one host find each other by real multicast on loopback", async () => {
  const free = await nodeDatagramPort.open({ family: 4, address: "127.0.0.1" }, () => {});
  await free.close();
  const options = {
    clock: systemClock,
    random: systemRandom,
    udp: nodeDatagramPort,
    interfaces: ["127.0.0.1"],
    port: free.local.port,
    backoffMs: 1,
    waitMs: 10_000,
  };
  const cache = (blocks: number) => ({ held: new HandCache().add(A, blocks), retrievalPort: 8_000 + blocks });
  await using one = await startPeerDiscovery({ ...options, serve: cache(1) });
  await using other = await startPeerDiscovery({ ...options, serve: cache(2) });
  for (const [asking, answering, blocks] of [
    [one, other, 2],
    [other, one, 1],
  ] as const) {
    for await (const match of asking.find([A], { version: 1 })) {
      expect(match).toEqual({
        peer: { id: answering.endpointId, addresses: [{ address: "127.0.0.1", port: 8_000 + blocks }] },
        segments: [{ id: A, complete: false, heldBlocks: blocks }],
      });
      break;
    }
  }
});
