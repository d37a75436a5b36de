import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CompletionPort,
  ManualResetEvent,
  Overlapped,
  type PEERDIST_CONTENT_HANDLE,
  PEERDIST_READ_TIMEOUT_DEFAULT,
} from "../src/index.ts";
import { bytesOf, content, information } from "./support/branch.ts";
import { type Caller, digest, OTHER_TAG, TAG, World } from "./support/caller.ts";
import { transports } from "./support/transports.ts";

const BLOCK = 65_536;

describe.each(transports)("retrieving, $name", (transport) => {
  let world: World;
  let caller: Caller;
  let api: Caller["api"];

  beforeEach(async () => {
    world = await World.start(transport);
    caller = await world.caller();
    api = caller.api;
  });

  afterEach(() => world.close());

  it("API-42 a handle opened, fed, read, flushed, closed", async () => {
    const handle = await caller.openContent();
    const whole = information(2);
    for (let at = 0; at < whole.length; at += 7) {
      const piece = whole.subarray(at, at + 7);
      expect(await caller.addInformation(handle, piece)).toMatchObject({ ok: true, bytes: piece.length });
    }
    expect((await caller.completeInformation(handle)).ok).toBe(true);
    expect(await caller.addData(handle, 0, content)).toMatchObject({ ok: true, bytes: content.length });
    const { buffer, bytes, offset } = await caller.blockRead(handle, 150_000, 1_000);
    expect([bytes, offset]).toEqual([1_000, 150_000n]);
    expect(digest(buffer)).toBe(digest(content.subarray(150_000, 151_000)));
    expect((await caller.flush()).ok).toBe(true);
    expect(await caller.blockRead(handle, 150_000, 1_000)).toMatchObject({ error: 4052 });
    expect(await api.PeerDistClientCloseContent(caller.instance, handle)).toBe(0);
    expect(await api.PeerDistClientCloseContent(caller.instance, handle)).toBe(6);
  });

  it.each([undefined, new Uint8Array(15), new Uint8Array(17)])(
    "API-42 API-78 a tag has 16 bytes",
    async (Data) => {
      const tag = { Data: Data as Uint8Array };
      expect(await api.PeerDistClientOpenContent(caller.instance, tag, null, 0, {})).toBe(87);
      const o = new Overlapped();
      expect(await api.PeerDistClientFlushContent(caller.instance, tag, null, 0, o)).toBe(87);
    },
  );

  it("API-42 before the Content Information is complete nothing is read or added", async () => {
    const handle = await caller.openContent();
    await caller.addInformation(handle, information(1));
    const { instance } = caller;
    const buffer = new Uint8Array(1);
    expect(await api.PeerDistClientBlockRead(instance, handle, 1, buffer, 0, new Overlapped())).toBe(4054);
    expect(await api.PeerDistClientStreamRead(instance, handle, 1, buffer, 0, new Overlapped())).toBe(4054);
    expect(await api.PeerDistClientAddData(instance, handle, 1, buffer, new Overlapped())).toBe(4054);
    await caller.completeInformation(handle);
    const late = api.PeerDistClientAddContentInformation(instance, handle, 1, buffer, new Overlapped());
    expect(await late).toBe(4055);
    const twice = api.PeerDistClientCompleteContentInformation(instance, handle, new Overlapped());
    expect(await twice).toBe(4055);
  });

  it("API-42 Content Information that is none, or ends too early, cannot be parsed", async () => {
    const short = await caller.openContent();
    await caller.addInformation(short, information(1).subarray(0, 100));
    expect(await caller.completeInformation(short)).toMatchObject({ error: 4051 });
    const bad = information(1);
    bad.fill(0xff, 2, 20);
    const wrong = await caller.openContent();
    expect(await caller.addInformation(wrong, bad)).toMatchObject({ error: 4051 });
    expect(await caller.completeInformation(wrong)).toMatchObject({ error: 4051 });
    const nothing = await caller.openContent();
    expect(await caller.completeInformation(nothing)).toMatchObject({ error: 4051 });
    const false_ = information(1);
    false_[false_.length - 1]! ^= 1;
    const contradicts = await caller.openContent();
    await caller.addInformation(contradicts, false_);
    expect(await caller.completeInformation(contradicts)).toMatchObject({ error: 4051 });
  });

  it("API-42 data past the end is out of bounds", async () => {
    for (const version of [1, 2] as const) {
      const handle = await caller.open(information(version));
      const one = content.subarray(0, 1);
      expect(await caller.addData(handle, content.length, one)).toMatchObject({ error: 4061 });
      expect(await caller.addData(handle, 2n ** 60n, one)).toMatchObject({ error: 4061 });
      expect((await caller.addData(handle, content.length - 1, content.subarray(-1))).ok).toBe(true);
    }
  });

  it("API-42 without OVERLAPPED all operations of the handle are cancelled", async () => {
    world.branch.peers = () => "never";
    const handle = await caller.open();
    const reads = [new Overlapped(), new Overlapped({ offset: 100_000n })];
    for (const o of reads) {
      await api.PeerDistClientBlockRead(caller.instance, handle, 9, new Uint8Array(9), 1_000, o);
    }
    expect(await api.PeerDistClientCancelAsyncOperation(caller.instance, handle)).toBe(0);
    for (const o of reads) expect(await caller.result(o)).toMatchObject({ error: 995 });
    expect(await api.PeerDistClientCancelAsyncOperation(caller.instance, handle)).toBe(4059);
    expect(await api.PeerDistClientCancelAsyncOperation(caller.instance, handle, {} as never)).toBe(87);
  });

  it("API-42 says whether many want the same just now", async () => {
    const handle = await caller.open();
    const info = new Uint8Array(4);
    const ask = (infoClass: number, size: number, buffer: Uint8Array) =>
      api.PeerDistClientGetInformationByHandle(caller.instance, handle, infoClass, size, buffer);
    expect(await ask(0, 4, info)).toBe(0);
    expect([...info]).toEqual([0, 0, 0, 0]);
    world.branch.crowded = true;
    await ask(0, 4, info);
    expect([...info]).toEqual([1, 0, 0, 0]);
    expect([await ask(1, 4, info), await ask(0, 3, info), await ask(0, 4, new Uint8Array(3))]).toEqual([
      87, 87, 87,
    ]);
  });

  it("API-43 API-50 API-51 local only: the missing range at once, from the offset to what is there, nobody asked", async () => {
    const handle = await caller.open();
    await caller.addData(handle, 2 * BLOCK, content.subarray(2 * BLOCK, 3 * BLOCK));
    const read = await caller.blockRead(handle, 100, 10);
    expect(read).toMatchObject({ ok: false, error: 4052, offset: 100n, bytes: 2 * BLOCK - 100 });
    const last = await caller.blockRead(handle, 3 * BLOCK, 10);
    expect(last).toMatchObject({ error: 4052, offset: BigInt(3 * BLOCK), bytes: content.length - 3 * BLOCK });
    expect(world.branch.asked).toBe(0);
  });

  it("API-43 API-51 what no peer has is missing, as far as it was asked for", async () => {
    const handle = await caller.open();
    world.branch.peers = (block) => (block.blockIndex === 2 ? bytesOf(block) : "no-peer");
    const read = await caller.blockRead(handle, 10, content.length, PEERDIST_READ_TIMEOUT_DEFAULT);
    expect(read).toMatchObject({ error: 4052, offset: 10n, bytes: 2 * BLOCK - 10 });
    world.branch.peers = () => "timeout";
    expect(await caller.blockRead(handle, 3 * BLOCK, 1, 10)).toMatchObject({ error: 1460 });
  });

  it("API-44 API-45 a read takes what there is and does not wait for more", async () => {
    const handle = await caller.open();
    await caller.addData(handle, 0, content.subarray(0, BLOCK));
    world.branch.peers = () => "never";
    const read = await caller.blockRead(handle, 100, 100_000, 1_000);
    expect(read).toMatchObject({ ok: true, offset: 100n, bytes: BLOCK - 100 });
    expect(read.data).toBe(digest(content.subarray(100, BLOCK)));
  });

  it("API-43 API-51 API-55 time that runs out gives the missing range with 1460, and gives up", async () => {
    world.branch.peers = () => "never";
    const handle = await caller.open();
    const o = new Overlapped({ offset: 5n });
    await api.PeerDistClientBlockRead(
      caller.instance,
      handle,
      70_000,
      new Uint8Array(70_000),
      PEERDIST_READ_TIMEOUT_DEFAULT,
      o,
    );
    await expect.poll(() => world.branch.asked).toBe(1);
    await world.branch.clock.advance(4_999);
    expect(world.branch.abandoned).toBe(0);
    await world.branch.clock.advance(1);
    expect(await caller.result(o)).toMatchObject({ error: 1460, offset: 5n, bytes: 2 * BLOCK - 5 });
    expect(world.branch.abandoned).toBe(1);
  });

  it("API-42 API-46 a stream read moves on by what it read, and by what is missing", async () => {
    const handle = await caller.open();
    await caller.addData(handle, BLOCK, content.subarray(BLOCK, 2 * BLOCK));
    expect(await caller.streamRead(handle, 10)).toMatchObject({ error: 4052, offset: 0n, bytes: BLOCK });
    expect(await caller.streamRead(handle, 10)).toMatchObject({ ok: true, offset: BigInt(BLOCK), bytes: 10 });
    expect(await caller.streamRead(handle, 10)).toMatchObject({ ok: true, offset: BigInt(BLOCK + 10) });
    const rest = await caller.streamRead(handle, BLOCK);
    expect(rest).toMatchObject({ ok: true, offset: BigInt(BLOCK + 20), bytes: BLOCK - 20 });
    const gap = await caller.streamRead(handle, 10);
    expect(gap).toMatchObject({ error: 4052, offset: BigInt(2 * BLOCK), bytes: content.length - 2 * BLOCK });
    expect(await caller.streamRead(handle, 10)).toMatchObject({ error: 4053 });
  });

  it("API-43 API-46 a stream read asks ahead: what nobody has is one range, what somebody has is here for the next", async () => {
    const handle = await caller.open();
    world.branch.peers = (block) => (block.blockIndex < 2 ? "no-peer" : bytesOf(block));
    expect(await caller.streamRead(handle, 10, 1_000)).toMatchObject({
      ...{ error: 4052, offset: 0n, bytes: 2 * BLOCK },
    });
    await expect.poll(() => world.branch.asked).toBe(4);
    await expect
      .poll(async () => (await caller.blockRead(handle, 2 * BLOCK, 0)).bytes)
      .toBe(content.length - 2 * BLOCK);
    const next = await caller.streamRead(handle, 10, 1_000);
    expect(next).toMatchObject({ ok: true, offset: BigInt(2 * BLOCK), bytes: 10 });
    expect(world.branch.asked).toBe(4);
  });

  it("API-43 API-46 time that runs out skips no more of a stream than was asked for", async () => {
    world.branch.peers = () => "never";
    const handle = await caller.open();
    const o = new Overlapped();
    await api.PeerDistClientStreamRead(caller.instance, handle, 9, new Uint8Array(9), 1_000, o);
    await expect.poll(() => world.branch.asked).toBe(1);
    await world.branch.clock.advance(1_000);
    expect(await caller.result(o)).toMatchObject({ error: 1460, offset: 0n, bytes: BLOCK });
  });

  it("API-46 a cancelled stream read moves nothing", async () => {
    world.branch.peers = () => "never";
    const handle = await caller.open();
    const o = new Overlapped();
    await api.PeerDistClientStreamRead(caller.instance, handle, 9, new Uint8Array(9), 1_000, o);
    expect(await api.PeerDistClientCancelAsyncOperation(caller.instance, handle, o)).toBe(0);
    expect(await caller.streamRead(handle, 10)).toMatchObject({ error: 4052, offset: 0n });
  });

  it("API-47 past the end there is no more", async () => {
    const handle = await caller.open();
    for (const offset of [content.length, content.length + 1, 2n ** 53n, 2n ** 63n]) {
      expect(await caller.blockRead(handle, offset, 10)).toMatchObject({ error: 4053 });
      expect(await caller.blockRead(handle, offset, 0)).toMatchObject({ error: 4053 });
    }
  });

  it("bytes are counted once they are read: not for what is fetched ahead of them, nor by whole blocks", async () => {
    world.branch.peers = bytesOf;
    const counted = () =>
      ["peer", "local"].map((source) =>
        world.branch.observer.total("retrieval_bytes_total", { source, app: "api" }),
      );
    const handle = await caller.open();
    expect(await caller.streamRead(handle, 1_000, 1_000)).toMatchObject({ ok: true, bytes: 1_000 });
    await expect.poll(async () => (await caller.blockRead(handle, 0, 0)).bytes).toBe(content.length);
    expect(counted(), "all of it is here, and little is read").toEqual([1_000, 0]);
    for (let at = 1_000; at < content.length; ) {
      const { bytes = 0, ok } = await caller.streamRead(handle, 30_000, 1_000);
      expect(ok).toBe(true);
      at += bytes;
    }
    expect(counted()).toEqual([content.length, 0]);
    await caller.blockRead(await caller.open(), 0, content.length);
    expect(counted(), "read again, from the own store").toEqual([content.length, content.length]);
  });

  it("API-48 a probe counts what is here, asks nobody and moves nothing", async () => {
    world.branch.peers = bytesOf;
    const handle = await caller.open();
    const probe = (offset: number) => caller.blockRead(handle, offset, 0, 1_000);
    expect(await probe(0)).toMatchObject({ ok: true, bytes: 0 });
    await caller.addData(handle, 0, content.subarray(0, 2 * BLOCK));
    expect(await probe(100)).toMatchObject({ ok: true, bytes: 2 * BLOCK - 100, offset: 100n });
    const o = new Overlapped();
    expect(await api.PeerDistClientStreamRead(caller.instance, handle, 0, null, 1_000, o)).toBe(997);
    expect(await caller.result(o)).toMatchObject({ ok: true, bytes: 2 * BLOCK });
    expect(await caller.streamRead(handle, 5)).toMatchObject({ offset: 0n, bytes: 5 });
    expect(world.branch.asked).toBe(0);
  });

  it.each([-1, 0.5, 0xffff_ffff, 2 ** 32])("API-42 API-49 refuses a time-out of %d", async (timeout) => {
    const handle = await caller.open();
    const o = new Overlapped();
    const read = api.PeerDistClientBlockRead(caller.instance, handle, 1, new Uint8Array(1), timeout, o);
    expect(await read).toBe(87);
    const long = api.PeerDistClientBlockRead(caller.instance, handle, 2 ** 32, new Uint8Array(1), 0, o);
    expect(await long).toBe(87);
  });

  it("what one read got from peers the next finds here", async () => {
    world.branch.peers = bytesOf;
    const handle = await caller.open();
    const whole = new Uint8Array(content.length);
    for (let at = 0; at < content.length; ) {
      const { bytes = 0, buffer } = await caller.blockRead(handle, at, content.length - at, 1_000);
      whole.set(buffer.subarray(0, bytes), at);
      at += bytes;
    }
    expect(digest(whole)).toBe(digest(content));
    expect(world.branch.asked).toBe(4);
    expect(await caller.blockRead(handle, 0, content.length)).toMatchObject({
      ok: true,
      bytes: content.length,
    });
  });

  it("API-52 API-57 what fails its hash is not kept, and counts as never received", async () => {
    const handle = await caller.open();
    const bad = content.slice(0, BLOCK);
    bad[5]! ^= 1;
    expect(await caller.addData(handle, 0, bad)).toMatchObject({ ok: true, bytes: BLOCK });
    expect(await caller.blockRead(handle, 0, 0)).toMatchObject({ bytes: 0 });
    await caller.addData(handle, 0, content.subarray(0, BLOCK));
    expect(await caller.blockRead(handle, 0, 0)).toMatchObject({ bytes: BLOCK });
  });

  it("API-42 blocks come together from pieces of any size, in any order", async () => {
    const handle = await caller.open();
    const pieces = [3, 1, 4, 0, 2].map((i) => [i * 40_000, (i + 1) * 40_000] as const);
    for (const [start, end] of pieces) await caller.addData(handle, start, content.subarray(start, end));
    expect(await caller.blockRead(handle, 0, content.length)).toMatchObject({
      ok: true,
      data: digest(content),
    });
    expect(world.branch.service.counts.bytes).toBe(information(1).length);
  });

  it("API-53 API-54 what nobody has is fetched by the caller, added, and read by the next", async () => {
    const first = await caller.open();
    const whole = new Uint8Array(content.length);
    for (;;) {
      const read = await caller.streamRead(first, 50_000, PEERDIST_READ_TIMEOUT_DEFAULT);
      if (read.error === 4053) break;
      const [start, bytes = 0] = [Number(read.offset), read.bytes];
      if (read.ok) whole.set(read.buffer.subarray(0, bytes), start);
      else {
        const origin = content.subarray(start, start + bytes);
        whole.set(origin, start);
        await caller.addData(first, start, origin);
      }
    }
    expect(digest(whole)).toBe(digest(content));
    const other = await world.caller("uid:2");
    const next = await other.open();
    expect(await other.blockRead(next, 0, content.length)).toMatchObject({ data: digest(content) });
  });

  describe("with Content Information of a range", () => {
    const start = 70_000;
    const end = 150_000;

    it.each([1, 2] as const)("API-58 API-59 API-60 API-61 API-62 version %i keeps to it", async (version) => {
      const part = information(version, start, end);
      expect(part.length).toBeLessThanOrEqual(information(version).length);
      const handle = await caller.open(part);
      expect(await caller.streamRead(handle, 10)).toMatchObject({
        error: 4052,
        offset: BigInt(start),
        bytes: end - start,
      });
      expect(await caller.streamRead(handle, 10)).toMatchObject({ error: 4053 });
      for (const outside of [0, start - 1, end, end + 1]) {
        expect(await caller.blockRead(handle, outside, 10)).toMatchObject({ error: 4053 });
      }
      await caller.addData(handle, 0, content);
      const read = await caller.blockRead(handle, start, content.length);
      expect(read).toMatchObject({ ok: true, offset: BigInt(start), bytes: end - start });
      expect(read.data).toBe(digest(content.subarray(start, end)));
    });

    it("API-63 data beyond it waits, and is used when any handle of the caller covers it", async () => {
      const part = await caller.open(information(1, 0, 1_000));
      await caller.addData(part, 0, content);
      const held = world.branch.service.counts.bytes;
      expect(held).toBeGreaterThan(content.length - BLOCK);
      const whole = await caller.open();
      expect(await caller.blockRead(whole, 0, content.length)).toMatchObject({
        ok: true,
        data: digest(content),
      });
      expect(world.branch.service.counts.bytes).toBeLessThan(held);
    });

    it("API-63 it is used at once where a handle covers it already, and only where it is right", async () => {
      const whole = await caller.open();
      const part = await caller.open(information(1, 0, 1_000));
      await caller.addData(part, BLOCK, new Uint8Array(BLOCK));
      expect(await caller.blockRead(whole, BLOCK, 0)).toMatchObject({ bytes: 0 });
      await caller.addData(part, BLOCK, content.subarray(BLOCK, 2 * BLOCK));
      expect(await caller.blockRead(whole, BLOCK, 0)).toMatchObject({ bytes: BLOCK });
    });

    it("API-63 it does not stay when its handle is closed while it is being added", async () => {
      const part = await caller.open(information(1, 0, 1_000));
      const { blocks, service } = world.branch;
      const { keep } = blocks;
      let goOn: (() => void) | undefined;
      blocks.keep = async (...block) => {
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
        return keep(...block);
      };
      const o = new Overlapped();
      await api.PeerDistClientAddData(caller.instance, part, content.length, content, o);
      await expect.poll(() => goOn).toBeDefined();
      await api.PeerDistClientCloseContent(caller.instance, part);
      expect(await caller.result(o)).toMatchObject({ error: 995 });
      goOn?.();
      await caller.flush();
      expect(service.counts.bytes).toBe(0);
    });

    it("API-63 it goes when its handle is closed", async () => {
      const part = await caller.open(information(1, 0, 1_000));
      await caller.addData(part, 0, content);
      await api.PeerDistClientCloseContent(caller.instance, part);
      const whole = await caller.open();
      expect(await caller.blockRead(whole, BLOCK, 0)).toMatchObject({ bytes: 0 });
    });
  });

  it("API-10 API-78 flush removes what came under its tag, and completes on its own port", async () => {
    world.branch.peers = (block) => (block.blockIndex === 0 ? bytesOf(block) : "no-peer");
    const v1 = await caller.open(information(1), TAG);
    const v2 = await caller.open(information(2), OTHER_TAG);
    await caller.blockRead(v1, 0, 10, 1_000);
    await caller.addData(v1, BLOCK, content.subarray(BLOCK));
    await caller.addData(v2, 0, content);
    const port = new CompletionPort();
    const o = new Overlapped();
    expect(await api.PeerDistClientFlushContent(caller.instance, TAG, port, "flushed", o)).toBe(997);
    expect(await port.next()).toMatchObject({ ok: true, key: "flushed", overlapped: o });
    expect(await caller.blockRead(v1, 0, 0)).toMatchObject({ bytes: 0 });
    expect(await caller.blockRead(v2, 0, 0)).toMatchObject({ bytes: content.length });
  });

  it("API-80 what came under two tags goes with the second that is flushed", async () => {
    const [one, two] = [await caller.open(information(1), TAG), await caller.open(information(1), OTHER_TAG)];
    await caller.addData(one, 0, content);
    await caller.addData(two, 0, content);
    expect((await caller.flush(TAG)).ok).toBe(true);
    expect(await caller.blockRead(one, 0, 0)).toMatchObject({ bytes: content.length });
    expect((await caller.flush(TAG)).ok).toBe(true);
    expect(await caller.blockRead(one, 0, 0)).toMatchObject({ bytes: content.length });
    expect((await caller.flush(OTHER_TAG)).ok).toBe(true);
    expect(await caller.blockRead(one, 0, 0)).toMatchObject({ bytes: 0 });
  });

  it("API-80 what peers gave is flushed with the tag of its reader", async () => {
    world.branch.peers = bytesOf;
    const handle = await caller.open();
    expect(await caller.blockRead(handle, 0, BLOCK, 1_000)).toMatchObject({ ok: true, bytes: BLOCK });
    expect((await caller.flush(OTHER_TAG)).ok).toBe(true);
    expect(await caller.blockRead(handle, 0, 0)).toMatchObject({ bytes: BLOCK });
    expect((await caller.flush()).ok).toBe(true);
    expect(await caller.blockRead(handle, 0, 0)).toMatchObject({ bytes: 0 });
  });

  it("API-14 a flush with event and port sets the event", async () => {
    const port = new CompletionPort();
    const hEvent = new ManualResetEvent();
    const o = new Overlapped({ hEvent });
    await api.PeerDistClientFlushContent(caller.instance, TAG, port, 1, o);
    await hEvent.wait();
    expect(port.length).toBe(0);
  });

  it("API-76 API-77 whoever has the Content Information reads, of whatever identity", async () => {
    const handle = await caller.open();
    await caller.addData(handle, 0, content);
    const other = await world.caller("uid:2");
    const theirs = await other.open();
    expect(await other.blockRead(theirs, 0, content.length)).toMatchObject({
      ok: true,
      data: digest(content),
    });
    const cursor = (h: PEERDIST_CONTENT_HANDLE) => other.streamRead(h, 5);
    expect(await cursor(theirs)).toMatchObject({ offset: 0n });
  });
});

describe.each(transports)("limits, $name", (transport) => {
  it("API-63 no more than the limit waits in memory; the oldest goes first", async () => {
    const world = await World.start(transport, { heldBytesMax: 2 * BLOCK });
    const caller = await world.caller();
    const part = await caller.open(information(1, 0, 1_000));
    await caller.addData(part, BLOCK, content.subarray(BLOCK));
    expect(world.branch.service.counts.bytes).toBeLessThanOrEqual(2 * BLOCK + information(1).length);
    const whole = await caller.open();
    expect(await caller.blockRead(whole, BLOCK, 0)).toMatchObject({ bytes: 0 });
    await world.close();
  });

  it("API-42 false data is an error where the service is set so", async () => {
    const world = await World.start(transport, { rejectBadData: true });
    const caller = await world.caller();
    const handle = await caller.open();
    expect(await caller.addData(handle, 0, new Uint8Array(BLOCK))).toMatchObject({ error: 13 });
    await world.close();
  });

  it("API-86 Content Information of a version that is not taken is refused", async () => {
    const world = await World.start(transport, { versions: { min: 1, max: 1 } });
    const caller = await world.caller();
    const handle = await caller.openContent();
    expect(await caller.addInformation(handle, information(2))).toMatchObject({ error: 4050 });
    expect(await caller.completeInformation(handle)).toMatchObject({ error: 4050 });
    await caller.open(information(1));
    await caller.publish("doc");
    expect((await caller.openInformation("doc", { min: 2 })).code).toBe(4050);
    await world.close();
  });
});
