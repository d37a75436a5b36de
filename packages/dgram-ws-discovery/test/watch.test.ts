import { describe, expect, it } from "vitest";
import {
  type AnnouncementBody,
  type ServiceDescription,
  startTargetService,
  watchServices,
  writeMessage,
} from "../src/index.ts";
import { ServiceTable } from "../src/watch.ts";
import { ADDRESS, gather, type Link, linkForEach, PRINTER } from "./support.ts";

const service: ServiceDescription = {
  address: ADDRESS,
  types: [PRINTER],
  xAddrs: ["http://192.0.2.10/"],
  metadataVersion: 5,
};

describe("service table", () => {
  it("WSD-26 goes by the metadata version", () => {
    const table = new ServiceTable();
    const at = (metadataVersion: number, restarted = false) =>
      table.hello({ ...service, metadataVersion }, restarted)?.change;
    expect([at(5), at(5), at(4), at(6), at(1, true), at(2)]).toEqual([
      "added",
      undefined,
      undefined,
      "updated",
      "updated",
      "updated",
    ]);
  });

  it("WSD-30 forgets on Bye", () => {
    const table = new ServiceTable();
    expect(table.bye(ADDRESS)).toBeUndefined();
    table.hello(service, false);
    expect(table.bye(ADDRESS.toUpperCase().replace("URN:UUID", "uuid"))).toEqual({
      change: "removed",
      service,
    });
    expect(table.hello(service, false)?.change).toBe("added");
  });
});

describe("watchServices", () => {
  let here: Link;
  linkForEach((fresh) => {
    here = fresh;
  });

  /** Sends announcements of the endpoint as they are, without a service that answers. */
  async function speaker() {
    const socket = await here.lan.host("192.0.2.9/24").open({ family: 4 }, () => {});
    return (messageNumber: number, body: AnnouncementBody) =>
      socket.send(
        writeMessage({
          version: "2005/04",
          messageId: `urn:m:${messageNumber}`,
          appSequence: { instanceId: 1, messageNumber },
          ...body,
        }),
        { address: "239.255.255.250", port: 3702 },
      );
  }

  it("tells of a service that comes, changes and goes, once each", async () => {
    const watching = await here.host("192.0.2.1/24");
    const abort = new AbortController();
    const { found, state } = gather(watchServices(watching.discovery, { signal: abort.signal }));
    const { discovery } = await here.host("192.0.2.10/24");
    const target = await startTargetService(discovery, service);
    await here.clock.advance(2_000);
    const updated = target.update({ types: [] });
    await here.clock.advance(2_000);
    await updated;
    const stopped = target.stop();
    await here.clock.advance(2_000);
    await stopped;
    expect(found.map(({ change }) => change)).toEqual(["added", "updated", "removed"]);
    expect(found[1]?.service).toMatchObject({ types: [], metadataVersion: 6 });
    abort.abort(new Error("enough"));
    await here.clock.settle();
    expect(state).toMatchObject({ ended: true, error: { message: "enough" } });
  });

  it("W-9 WSD-76 resolves a Hello without addresses", async () => {
    const watching = await here.host("192.0.2.1/24");
    const { found } = gather(watchServices(watching.discovery, { resolveMs: 1_000 }));
    const { discovery } = await here.host("192.0.2.10/24");
    const { xAddrs: _, ...bare } = service;
    await startTargetService(discovery, bare, { xAddrsFor: () => ["http://192.0.2.10/"] });
    await here.clock.advance(3_000);
    expect(found).toMatchObject([{ change: "added", service: { xAddrs: ["http://192.0.2.10/"] } }]);
  });

  it("WSD-56 a message that was overtaken is dropped, and leaving ends it", async () => {
    const watching = await here.host("192.0.2.1/24");
    const first = (async () => {
      for await (const change of watchServices(watching.discovery)) return change;
      return undefined;
    })();
    await here.clock.settle();
    const say = await speaker();
    await say(2, { kind: "Bye", address: ADDRESS });
    await say(1, { kind: "Hello", service });
    await here.clock.advance(0);
    expect(watching.drops).toEqual(["older"]);
    await say(3, { kind: "Hello", service });
    await here.clock.advance(0);
    expect(await first).toEqual({ change: "added", service: { ...service, extensions: [] } });
  });

  describe("while it resolves a Hello without addresses", () => {
    const { xAddrs: _, ...bare } = service;

    it("tells nothing of a service that goes meanwhile", async () => {
      const watching = await here.host("192.0.2.1/24");
      const { found } = gather(watchServices(watching.discovery, { resolveMs: 1_000 }));
      const say = await speaker();
      await here.clock.settle();
      await say(1, { kind: "Hello", service: bare });
      await here.clock.advance(100);
      await say(2, { kind: "Bye", address: ADDRESS });
      await here.clock.advance(2_000);
      expect(found).toEqual([]);
    });

    it("tells of the last of several, and once", async () => {
      const watching = await here.host("192.0.2.1/24");
      const { found } = gather(watchServices(watching.discovery, { resolveMs: 1_000 }));
      const say = await speaker();
      await here.clock.settle();
      await say(1, { kind: "Hello", service: bare });
      await here.clock.advance(100);
      await say(2, { kind: "Hello", service: { ...bare, metadataVersion: 6 } });
      await here.clock.advance(100);
      await say(3, { kind: "Hello", service: { ...service, metadataVersion: 7 } });
      await here.clock.advance(2_000);
      expect(found).toMatchObject([{ change: "added", service: { metadataVersion: 7 } }]);
    });
  });
});
