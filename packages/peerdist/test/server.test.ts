import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CompletionPort, type Out, Overlapped, type PEERDIST_STREAM_HANDLE } from "../src/index.ts";
import { content, information } from "./support/branch.ts";
import { type Caller, World } from "./support/caller.ts";
import { transports } from "./support/transports.ts";

const id = new TextEncoder().encode("doc");

describe.each(transports)("publishing, $name", (transport) => {
  let world: World;
  let caller: Caller;
  let api: Caller["api"];

  beforeEach(async () => {
    world = await World.start(transport);
    caller = await world.caller();
    api = caller.api;
  });

  afterEach(() => world.close());

  it("API-36 API-37 API-38 a stream of unknown length becomes a publication", async () => {
    const port = new CompletionPort();
    const { code, handle } = await caller.publishStream("doc", 0n, port, 9);
    expect(code).toBe(0);
    for (let at = 0; at < content.length; at += 70_000) {
      const piece = content.subarray(at, at + 70_000);
      const o = new Overlapped();
      expect(
        await api.PeerDistServerPublishAddToStream(caller.instance, handle, piece.length, piece, o),
      ).toBe(997);
      expect(await port.next()).toMatchObject({
        ok: true,
        key: 9,
        overlapped: o,
        bytesTransferred: piece.length,
      });
    }
    expect((await caller.openInformation("doc")).code).toBe(1168);
    expect((await caller.complete(handle)).ok).toBe(true);
    const { handle: info } = await caller.openInformation("doc", { min: 2 });
    expect(await caller.retrieve(info)).toEqual(information(2));
    expect(await api.PeerDistServerCloseStreamHandle(caller.instance, handle)).toBe(0);
    expect((await caller.openInformation("doc")).code).toBe(0);
  });

  it.each([
    { what: "no identifier", count: 0, bytes: id, length: 0n, options: null },
    {
      what: "an identifier of 65,536 bytes",
      count: 65_536,
      bytes: new Uint8Array(65_536),
      length: 0n,
      options: null,
    },
    { what: "an identifier that ends too early", count: 4, bytes: id, length: 0n, options: null },
    { what: "a length below 0", count: 3, bytes: id, length: -1n, options: null },
    { what: "a length past 2^53", count: 3, bytes: id, length: 2n ** 60n, options: null },
    { what: "unknown flags", count: 3, bytes: id, length: 0n, options: { dwVersion: 2, dwFlags: 1 } },
    { what: "a version to come", count: 3, bytes: id, length: 0n, options: { dwVersion: 3, dwFlags: 0 } },
  ])("API-36 API-89 refuses $what", async ({ count, bytes, length, options }) => {
    const out: Out<PEERDIST_STREAM_HANDLE> = {};
    expect(
      await api.PeerDistServerPublishStream(caller.instance, count, bytes, length, options, null, 0, out),
    ).toBe(87);
    expect(out.value).toBeUndefined();
  });

  it("API-36 API-89 takes identifiers of 65,535 bytes, and options of both versions of the API", async () => {
    const long = new Uint8Array(65_535).fill(1);
    for (const [i, dwVersion] of [1, 2].entries()) {
      long[0] = i;
      const out: Out<PEERDIST_STREAM_HANDLE> = {};
      const options = { dwVersion, dwFlags: 0 };
      expect(
        await api.PeerDistServerPublishStream(caller.instance, 65_535, long, 0n, options, null, 0, out),
      ).toBe(0);
      await caller.add(out.value, content);
      expect((await caller.complete(out.value)).ok).toBe(true);
    }
  });

  it("API-36 an identifier is published once", async () => {
    const { handle } = await caller.publishStream("doc");
    expect((await caller.publishStream("doc")).code).toBe(4058);
    await api.PeerDistServerCloseStreamHandle(caller.instance, handle);
    expect((await caller.publishStream("doc")).code).toBe(0);
  });

  it("API-36 a declared length is kept: more is out of bounds, less is refused, neither is published", async () => {
    const exact = await caller.publishStream("exact", BigInt(content.length));
    await caller.add(exact.handle, content);
    expect((await caller.complete(exact.handle)).ok).toBe(true);
    const more = await caller.publishStream("more", 10n);
    expect(await caller.add(more.handle, content.subarray(0, 11))).toMatchObject({ ok: false, error: 4061 });
    const o = new Overlapped();
    expect(await api.PeerDistServerPublishCompleteStream(caller.instance, more.handle, o)).toBe(4057);
    const less = await caller.publishStream("less", 10n);
    await caller.add(less.handle, content.subarray(0, 9));
    expect(await caller.complete(less.handle)).toMatchObject({ ok: false, error: 87 });
    for (const gone of ["more", "less"]) expect((await caller.openInformation(gone)).code).toBe(1168);
    expect((await caller.publishStream("less")).code).toBe(0);
  });

  it("API-37 API-38 what is complete takes no more", async () => {
    const { handle } = await caller.publishStream("doc");
    await caller.add(handle, content);
    await caller.complete(handle);
    const { instance } = caller;
    expect(await api.PeerDistServerPublishAddToStream(instance, handle, 1, content, new Overlapped())).toBe(
      4060,
    );
    expect(await api.PeerDistServerPublishCompleteStream(instance, handle, new Overlapped())).toBe(4060);
    expect(await api.PeerDistServerPublishAddToStream(instance, handle, 0, content, new Overlapped())).toBe(
      87,
    );
  });

  it("API-37 a cancelled call leaves a stream that gives 995 at once", async () => {
    const { handle } = await caller.publishStream("doc");
    const long = new Uint8Array(3_000_000);
    const overlapped = new Overlapped();
    const { instance } = caller;
    expect(await api.PeerDistServerPublishAddToStream(instance, handle, long.length, long, overlapped)).toBe(
      997,
    );
    expect(await api.PeerDistServerCancelAsyncOperation(instance, id.length, id, overlapped)).toBe(0);
    expect(await caller.result(overlapped)).toMatchObject({ error: 995 });
    expect(await api.PeerDistServerPublishAddToStream(instance, handle, 1, long, overlapped)).toBe(995);
    expect(await api.PeerDistServerPublishCompleteStream(instance, handle, overlapped)).toBe(995);
    expect(await api.PeerDistServerCloseStreamHandle(instance, handle)).toBe(0);
  });

  it("API-39 closing a stream half-way discards it, and ends what is pending", async () => {
    const { handle } = await caller.publishStream("doc");
    const long = new Uint8Array(3_000_000);
    const overlapped = new Overlapped();
    await api.PeerDistServerPublishAddToStream(caller.instance, handle, long.length, long, overlapped);
    expect(await api.PeerDistServerCloseStreamHandle(caller.instance, handle)).toBe(0);
    expect((await caller.result(overlapped)).ok).toBe(false);
    expect((await caller.openInformation("doc")).code).toBe(1168);
    expect(await api.PeerDistServerCloseStreamHandle(caller.instance, handle)).toBe(6);
  });

  it("API-40 what is unpublished is gone, and its handles with it, which are still to be closed", async () => {
    await caller.publish("doc");
    const { handle } = await caller.openInformation("doc");
    expect(await caller.unpublish("doc")).toBe(0);
    expect(await caller.unpublish("doc")).toBe(1168);
    expect((await caller.openInformation("doc")).code).toBe(1168);
    const buffer = new Uint8Array(10);
    const { instance } = caller;
    const o = new Overlapped();
    expect(await api.PeerDistServerRetrieveContentInformation(instance, handle, 10, buffer, o)).toBe(4057);
    expect(await api.PeerDistServerCloseContentInformation(instance, handle)).toBe(0);
    await caller.publish("doc");
  });

  it("API-40 unpublishing ends what is pending on it", async () => {
    const { handle } = await caller.publishStream("doc");
    const long = new Uint8Array(3_000_000);
    const overlapped = new Overlapped();
    await api.PeerDistServerPublishAddToStream(caller.instance, handle, long.length, long, overlapped);
    expect(await caller.unpublish("doc")).toBe(0);
    expect((await caller.result(overlapped)).ok).toBe(false);
    const { instance } = caller;
    expect(await api.PeerDistServerPublishCompleteStream(instance, handle, overlapped)).toBe(4057);
  });

  it("API-41 opens the whole or a range, and gives it in chunks with their offsets", async () => {
    await caller.publish("doc");
    const port = new CompletionPort();
    const { code, handle } = await caller.openInformation(
      "doc",
      { offset: 70_000n, length: 1_000n, min: 1 },
      port,
      "info",
    );
    expect(code).toBe(0);
    const whole = information(1, 70_000, 71_000);
    const buffer = new Uint8Array(50);
    for (let at = 0; at < whole.length; at += 50) {
      const overlapped = new Overlapped();
      await api.PeerDistServerRetrieveContentInformation(caller.instance, handle, 50, buffer, overlapped);
      const bytes = Math.min(50, whole.length - at);
      expect(await port.next()).toMatchObject({ ok: true, key: "info", bytesTransferred: bytes });
      expect(overlapped.offset).toBe(BigInt(at));
      expect(buffer.subarray(0, bytes)).toEqual(whole.subarray(at, at + bytes));
    }
    const end = new Overlapped();
    await api.PeerDistServerRetrieveContentInformation(caller.instance, handle, 50, buffer, end);
    expect(await port.next()).toMatchObject({ ok: false, error: 4053 });
    expect(await api.PeerDistServerCloseContentInformation(caller.instance, handle)).toBe(0);
    expect(await api.PeerDistServerCloseContentInformation(caller.instance, handle)).toBe(6);
  });

  it.each([
    { what: "past the end", offset: 200_000n, length: 1n },
    { what: "over the end", offset: 0n, length: 200_001n },
    { what: "past 2^53", offset: 2n ** 60n, length: 0n },
    { what: "below 0", offset: -1n, length: 0n },
  ])("API-41 refuses a range $what", async ({ offset, length }) => {
    await caller.publish("doc");
    expect((await caller.openInformation("doc", { offset, length })).code).toBe(87);
  });

  it("API-41 a content of no bytes has Content Information of no bytes", async () => {
    const { handle } = await caller.publishStream("empty");
    expect((await caller.complete(handle)).ok).toBe(true);
    const info = await caller.openInformation("empty");
    expect(await caller.retrieve(info.handle)).toEqual(new Uint8Array(0));
  });

  it("API-41 cancel needs identifier and OVERLAPPED of one operation", async () => {
    await caller.publish("doc");
    const { handle } = await caller.openInformation("doc");
    const overlapped = new Overlapped();
    const buffer = new Uint8Array(10);
    await api.PeerDistServerRetrieveContentInformation(caller.instance, handle, 10, buffer, overlapped);
    await caller.result(overlapped);
    const { instance } = caller;
    expect(await api.PeerDistServerCancelAsyncOperation(instance, 3, id, overlapped)).toBe(4059);
    expect(await api.PeerDistServerCancelAsyncOperation(instance, 2, id, overlapped)).toBe(4059);
    expect(await api.PeerDistServerCancelAsyncOperation(instance, 3, id, null as never)).toBe(87);
  });

  it("API-83 API-84 API-85 API-88 the highest version that both know; 1 for who does not say", async () => {
    await caller.publish("doc");
    const read = async (min?: number, max = min) => {
      const { code, handle } = await caller.openInformation(
        "doc",
        min === undefined ? {} : { min, max: max ?? min },
      );
      return code || (await caller.retrieve(handle))[1];
    };
    expect([await read(), await read(1), await read(2), await read(1, 2), await read(1, 9)]).toEqual([
      1, 1, 2, 2, 2,
    ]);
    expect(await read(3, 4)).toBe(4050);
    expect([await read(0, 1), await read(2, 1)]).toEqual([87, 87]);
  });
});
