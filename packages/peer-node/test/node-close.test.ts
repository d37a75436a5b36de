import { type BlockStore, createMemoryStore } from "@branchcache/cache-store";
import { systemClock } from "@branchcache/runtime/node";
import { recordingObserver } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { startPeerNode } from "../src/peer-node.ts";

it("a node closes its port, and says so, when its store may have lost its newest blocks", async () => {
  const observer = recordingObserver();
  const store = createMemoryStore({ limitBytes: 2 ** 20, clock: systemClock });
  const blocks: BlockStore = Object.create(store.blocks, {
    flush: { value: () => Promise.reject(new Error("on 0 of 1 replicas")) },
  });
  const node = await startPeerNode({
    store: { ...store, blocks },
    mode: "hosted-client",
    listen: { host: "127.0.0.1", port: 0 },
    observer,
  });
  const url = `http://127.0.0.1:${node.serving?.port}/`;
  expect((await fetch(url)).status).toEqual(404);
  await node.close();
  await expect(fetch(url)).rejects.toThrow();
  const told = observer.named("cache.save_failed").map(({ fields }) => fields["reason"]);
  expect(told).toEqual(["on 0 of 1 replicas"]);
  await store.close();
});
