import { describe, expect, it } from "vitest";
import { content, information } from "./support/branch.ts";
import { TAG, World } from "./support/caller.ts";
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
