/** A peer on loopback that gives blocks until it is told to wait, and then when it is told to go on. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Stores } from "@branchcache/cache-store";
import { startPeerDiscovery } from "@branchcache/discovery";
import { closeServer } from "@branchcache/peer-node";
import { createRetrievalServer } from "@branchcache/retrieval";
import { retrievalRequestListener } from "@branchcache/retrieval/node";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { nodeDatagramPort } from "dgram-ws-discovery/node";

export interface GatedPeer extends AsyncDisposable {
  /** From now on so many blocks more. Resolves when one more than that is asked for. */
  giveOnly(blocks: number): Promise<void>;
  /** All that is asked for, and has been. */
  open(): void;
}

export async function gatedPeer({ blocks }: Stores, discoveryPort: number): Promise<GatedPeer> {
  let left = Number.POSITIVE_INFINITY;
  let gate: Promise<void> | undefined;
  let release = () => {};
  let onWaiting = () => {};
  const listener = retrievalRequestListener(
    createRetrievalServer({
      clock: systemClock,
      source: {
        heldBlocks: (id) => blocks.heldBlocks(id),
        async block(id, index) {
          if (left-- <= 0) {
            onWaiting();
            await gate;
          }
          const stored = await blocks.getBlock(id, index);
          return stored && { sealed: stored, nextBlockIndex: stored.nextBlockIndex };
        },
      },
    }),
  );
  const server = createServer((request, response) => {
    if (!listener(request, response)) response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const discovery = await startPeerDiscovery({
    clock: systemClock,
    random: systemRandom,
    udp: nodeDatagramPort,
    interfaces: ["127.0.0.1"],
    port: discoveryPort,
    serve: { held: blocks, retrievalPort: (server.address() as AddressInfo).port },
  });
  const open = () => {
    left = Number.POSITIVE_INFINITY;
    release();
  };
  return {
    giveOnly(count) {
      left = count;
      gate = new Promise((resolve) => {
        release = resolve;
      });
      return new Promise((resolve) => {
        onWaiting = resolve;
      });
    },
    open,
    async [Symbol.asyncDispose]() {
      open();
      await discovery.close();
      await closeServer(server, 0);
    },
  };
}
