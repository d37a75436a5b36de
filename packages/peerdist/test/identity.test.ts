import { describe, expect, it } from "vitest";
import { Overlapped, type PEERDIST_CONTENT_HANDLE } from "../src/index.ts";
import { content, information } from "./support/branch.ts";
import { type Caller, TAG, World } from "./support/caller.ts";
import { transports } from "./support/transports.ts";

describe.each(transports)("identities, $name", (transport) => {
  it("API-72 API-73 API-74 API-75 API-77 a publication is there for its own identity alone", async () => {
    const world = await World.start(transport);
    const [mine, alsoMine, theirs] = [
      await world.caller("uid:1"),
      await world.caller("uid:1"),
      await world.caller("uid:2"),
    ];
    await mine.publish("doc");
    expect((await alsoMine.openInformation("doc")).code).toBe(0);
    expect((await alsoMine.publishStream("doc")).code).toBe(4058);
    expect((await theirs.openInformation("doc")).code).toBe((await theirs.openInformation("none")).code);
    expect(await theirs.unpublish("doc")).toBe(await theirs.unpublish("none"));
    await theirs.publish("doc", new Uint8Array(70_000));
    const own = await theirs.openInformation("doc");
    expect(await theirs.retrieve(own.handle)).not.toEqual(information(1));
    expect(await theirs.unpublish("doc")).toBe(0);
    const still = await mine.openInformation("doc");
    expect(await mine.retrieve(still.handle)).toEqual(information(1));
    expect(await alsoMine.unpublish("doc")).toBe(0);
    expect((await mine.openInformation("doc")).code).toBe(1168);
    await world.close();
  });

  it("API-87 versions do not share: what one has the other does not find", async () => {
    const world = await World.start(transport);
    const caller = await world.caller();
    const v1 = await caller.open(information(1));
    const v2 = await caller.open(information(2));
    await caller.addData(v1, 0, content);
    expect(await caller.blockRead(v1, 0, 0)).toMatchObject({ bytes: content.length });
    expect(await caller.blockRead(v2, 0, 0)).toMatchObject({ bytes: 0 });
    await world.close();
  });

  it("has a quota for each: operations, and what the hashes of publications take", async () => {
    const world = await World.start(transport, { quota: { operations: 2, bytes: 1_000 } });
    world.branch.peers = () => "never";
    const [mine, theirs] = [await world.caller("uid:1"), await world.caller("uid:2")];
    const handle = await mine.open();
    const read = (of: Caller, content: PEERDIST_CONTENT_HANDLE) => {
      const o = new Overlapped();
      const code = of.api.PeerDistClientBlockRead(of.instance, content, 9, new Uint8Array(9), 1_000, o);
      return code.then((returned) => ({ returned, o }));
    };
    const reads = [await read(mine, handle), await read(mine, handle), await read(mine, handle)];
    expect(reads.map(({ returned }) => returned)).toEqual([997, 997, 1816]);
    expect((await read(theirs, await theirs.open())).returned).toBe(997);
    await mine.api.PeerDistClientCancelAsyncOperation(mine.instance, handle, reads[0]?.o);
    expect((await read(mine, handle)).returned).toBe(997);
    await mine.api.PeerDistClientCloseContent(mine.instance, handle);
    const { handle: stream } = await mine.publishStream("doc");
    expect((await mine.add(stream, content.subarray(0, 3 * 65_536))).ok).toBe(true);
    expect(await mine.add(stream, content.subarray(0, 1))).toMatchObject({ error: 1816 });
    expect(world.branch.service.counts.publications).toBe(0);
    await world.close();
  });

  it("has a quota for each: connections", async () => {
    const world = await World.start(transport, { quota: { sessions: 2 } });
    const callers = [await world.caller(), await world.caller(), await world.caller()];
    const open = async ({ api, instance }: Caller) =>
      api.PeerDistClientOpenContent(instance, TAG, null, 0, {});
    const codes: number[] = [];
    for (const one of callers) codes.push(await open(one));
    expect(codes).toEqual([0, 0, 1816]);
    const [first, , third] = callers as [Caller, Caller, Caller];
    expect(await open(await world.caller("uid:2"))).toBe(0);
    expect(await first.api.PeerDistShutdown(first.instance)).toBe(0);
    expect(await open(third)).toBe(0);
    await world.close();
  });

  it("has a quota for each: handles, publications, operations, bytes", async () => {
    const quota = { handles: 3, publications: 2, operations: 2, bytes: 1_000 };
    const world = await World.start(transport, { quota });
    const [mine, theirs] = [await world.caller("uid:1"), await world.caller("uid:2")];
    for (const [i, code] of [0, 0, 1816].entries()) {
      expect((await mine.publishStream(String(i))).code).toBe(code);
    }
    await mine.openContent();
    await expect(mine.openContent()).rejects.toThrow("1816");
    const handle = await theirs.openContent(TAG);
    expect((await theirs.addInformation(handle, information(1))).ok).toBe(true);
    const big = await theirs.openContent(TAG);
    expect(await theirs.addInformation(big, new Uint8Array(1_000))).toMatchObject({ error: 1816 });
    expect(await theirs.api.PeerDistClientCloseContent(theirs.instance, handle)).toBe(0);
    await theirs.open();
    await world.close();
  });
});
