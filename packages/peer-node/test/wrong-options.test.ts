/** What a program hands over wrongly is told at once; what it holds with `await using` is closed at the block's end. */
import { createMemoryStore } from "@branchcache/cache-store";
import { errorCode } from "@branchcache/runtime";
import { systemClock as clock } from "@branchcache/runtime/node";
import { describe, expect, it } from "vitest";
import { type NodeMode, startHostedCacheService, startPeerNode } from "../src/index.ts";

const freshStore = () => createMemoryStore({ limitBytes: 1_000_000, clock });
const local = { host: "127.0.0.1", port: 0 };

describe("startPeerNode", () => {
  it.each([
    [
      { mode: "peer" as NodeMode },
      "mode has to be one of local, distributed, hosted-client, hosted-server, auto",
    ],
    [{ cipherId: 9 as 1 }, "cipherId has to be one of 0, 1, 2, 3, not 9"],
    [{ quarantineMs: Number.NaN }, "quarantineMs has to be a number at least 0, not NaN"],
    [{ listen: local, maxUploads: -1 }, "maxUploads has to be a number at least 0, not -1"],
  ])("refuses %o", async (wrong, message) => {
    const options = {
      store: freshStore(),
      mode: "distributed",
      interfaces: ["127.0.0.1"],
      ...wrong,
    } as const;
    await expect(startPeerNode(options)).rejects.toMatchObject({
      code: "BC_INVALID_ARGUMENT",
      message: expect.stringContaining(message),
    });
  });
});

it.each([-1, Number.NaN, 1.5])("a store in memory refuses a limit of %d bytes", (limitBytes) => {
  expect(() => createMemoryStore({ limitBytes, clock })).toThrow(
    expect.objectContaining({ code: "BC_STORE_INVALID" }),
  );
});

it("node, hosted cache and store end with the block that holds them", async () => {
  let ended: { open(bytes: Uint8Array): Promise<unknown>; blocks: { flush(): Promise<void> } };
  let url: string;
  {
    await using store = freshStore();
    await using service = await startHostedCacheService({ store, http: local });
    await using node = await startPeerNode({ store: freshStore(), mode: "local" });
    url = `http://127.0.0.1:${service.serving.port}/`;
    expect((await fetch(url)).status).toBe(404);
    ended = { open: (bytes) => node.open(bytes), blocks: store.blocks };
  }
  expect(errorCode(await ended.open(new Uint8Array(0)).catch((error: unknown) => error))).toBe("BC_CLOSED");
  await expect(ended.blocks.flush()).rejects.toMatchObject({ code: "BC_STORE_CLOSED" });
  await expect(fetch(url)).rejects.toThrow();
});
