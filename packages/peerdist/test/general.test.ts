import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CompletionPort,
  ManualResetEvent,
  type Out,
  Overlapped,
  type PEERDIST_CONTENT_HANDLE,
  type PEERDIST_INSTANCE_HANDLE,
  PEERDIST_READ_TIMEOUT_DEFAULT,
  PEERDIST_STATUS,
  PEERDIST_VERSION,
  STATUS_PENDING,
} from "../src/index.ts";
import { bytesOf, content, information } from "./support/branch.ts";
import { type Caller, digest, TAG, World } from "./support/caller.ts";
import { transports } from "./support/transports.ts";

describe.each(transports)("the functions, $name", (transport) => {
  let world: World;
  let caller: Caller;
  let api: Caller["api"];
  let instance: PEERDIST_INSTANCE_HANDLE;

  beforeEach(async () => {
    world = await World.start(transport);
    caller = await world.caller();
    ({ api, instance } = caller);
  });

  afterEach(() => world.close());

  /** A read that goes on until it is cancelled, or its time is up. */
  async function endlessRead(handle: PEERDIST_CONTENT_HANDLE, init: { hEvent?: ManualResetEvent } = {}) {
    world.branch.peers = () => "never";
    const overlapped = new Overlapped(init);
    const buffer = new Uint8Array(100);
    const code = await api.PeerDistClientBlockRead(
      instance,
      handle,
      buffer.length,
      buffer,
      PEERDIST_READ_TIMEOUT_DEFAULT,
      overlapped,
    );
    return { code, overlapped, buffer };
  }

  it("API-1 need an instance that was started", async () => {
    const never = {} as PEERDIST_INSTANCE_HANDLE;
    expect(await api.PeerDistGetStatus(never, {})).toBe(6);
    expect(await api.PeerDistServerUnpublish(never, 1, Uint8Array.of(1))).toBe(6);
    expect(await api.PeerDistClientOpenContent(null, TAG, null, 0, {})).toBe(6);
    expect(await api.PeerDistClientFlushContent(never, TAG, null, 0, new Overlapped())).toBe(6);
  });

  it.each([
    { asked: 0x0001, code: 0 },
    { asked: 0x0002, code: 0 },
    { asked: 0x0102, code: 4062 },
    { asked: 0x0003, code: 4062 },
    { asked: 0, code: 4062 },
    { asked: -1, code: 87 },
  ])("API-2 API-28 API-82 start with version $asked: $code", async ({ asked, code }) => {
    const out: Out<PEERDIST_INSTANCE_HANDLE> = {};
    const supported: Out<number> = {};
    expect(await api.PeerDistStartup(asked, out, supported)).toBe(code);
    expect(out.value === undefined).toBe(code !== 0);
    if (code !== 87) expect(supported.value).toBe(PEERDIST_VERSION);
    if (out.value) expect(await api.PeerDistShutdown(out.value)).toBe(0);
  });

  it("API-3 API-29 each start needs its own shutdown", async () => {
    const second = await world.caller();
    expect(await second.api.PeerDistShutdown(second.instance)).toBe(0);
    expect(await second.api.PeerDistShutdown(second.instance)).toBe(6);
    expect(await second.api.PeerDistGetStatus(second.instance, {})).toBe(6);
    expect(await api.PeerDistGetStatus(instance, {})).toBe(0);
  });

  it("API-4 shutdown removes what was published, and ends what is pending", async () => {
    const other = await world.caller();
    await other.publish("doc");
    const port = new CompletionPort();
    const handle = await caller.open(information(1), TAG, port, "k");
    const { overlapped } = await endlessRead(handle);
    expect(await api.PeerDistShutdown(instance)).toBe(0);
    expect(port.poll()).toMatchObject({ ok: false, error: 995, key: "k", overlapped });
    expect(await api.PeerDistServerUnpublish(instance, 1, Uint8Array.of(1))).toBe(6);
    const third = await world.caller();
    expect((await third.openInformation("doc")).code).toBe(0);
    await other.api.PeerDistShutdown(other.instance);
    expect((await third.openInformation("doc")).code).not.toBe(0);
  });

  it("API-4 what races a shutdown is told so", async () => {
    const racing = await world.caller();
    await racing.openContent();
    const shutdown = racing.api.PeerDistShutdown(racing.instance);
    expect(await racing.api.PeerDistGetStatus(racing.instance, {})).toBe(4056);
    expect(await shutdown).toBe(0);
  });

  it("API-5 asynchronous calls say 997 even where all is at hand", async () => {
    const handle = await caller.open();
    await caller.addData(handle, 0, content);
    const buffer = new Uint8Array(10);
    const overlapped = new Overlapped();
    expect(await api.PeerDistClientBlockRead(instance, handle, 10, buffer, 0, overlapped)).toBe(997);
    expect(await caller.result(overlapped)).toMatchObject({ ok: true, bytes: 10 });
  });

  it("API-6 a call that fails at once completes nothing", async () => {
    const port = new CompletionPort();
    const hEvent = new ManualResetEvent();
    const handle = await caller.openContent(TAG, port, 1);
    const overlapped = new Overlapped({ hEvent, offset: 5n });
    overlapped.Internal = 77;
    expect(await api.PeerDistClientBlockRead(instance, handle, 1, new Uint8Array(1), 0, overlapped)).toBe(
      4054,
    );
    expect(await api.PeerDistClientBlockRead(instance, handle, 2, new Uint8Array(1), 0, overlapped)).toBe(87);
    expect(await api.PeerDistClientCloseContent(instance, handle)).toBe(0);
    expect(await api.PeerDistClientBlockRead(instance, handle, 1, new Uint8Array(1), 0, overlapped)).toBe(6);
    expect([hEvent.isSet, port.length, overlapped.Internal, overlapped.offset]).toEqual([false, 0, 77, 5n]);
  });

  it("API-7 API-10 API-12 an accepted call completes once, on its handle's port", async () => {
    const port = new CompletionPort();
    const handle = await caller.open(information(1), TAG, port, "mine");
    world.branch.peers = bytesOf;
    const overlapped = new Overlapped();
    const buffer = new Uint8Array(100);
    await api.PeerDistClientBlockRead(instance, handle, 100, buffer, 1_000, overlapped);
    expect(await port.next()).toEqual({ ok: true, key: "mine", overlapped, bytesTransferred: 100, error: 0 });
    expect(buffer).toEqual(content.slice(0, 100));
    const failing = new Overlapped({ offset: 10n ** 9n });
    await api.PeerDistClientBlockRead(instance, handle, 100, buffer, 1_000, failing);
    expect(await port.next()).toMatchObject({ ok: false, error: 4053, overlapped: failing });
    expect(port.length).toBe(0);
  });

  it("API-8 the buffer is the service's until the completion, and the caller's after it", async () => {
    const handle = await caller.open();
    let give = (_: Uint8Array): void => {};
    world.branch.peers = bytesOf;
    const { fetch } = world.branch.blocks;
    const gate = new Promise<Uint8Array>((resolve) => {
      give = resolve;
    });
    world.branch.blocks.fetch = async function* (wanted, options) {
      await gate;
      yield* fetch(wanted, options);
    };
    const buffer = new Uint8Array(100);
    const overlapped = new Overlapped();
    await api.PeerDistClientBlockRead(instance, handle, 100, buffer, 1_000, overlapped);
    expect(buffer.every((byte) => byte === 0)).toBe(true);
    give(buffer);
    await caller.result(overlapped);
    expect(buffer).toEqual(content.slice(0, 100));
    buffer.fill(0);
    expect(await caller.blockRead(handle, 0, 100)).toMatchObject({ buffer: content.slice(0, 100) });
    expect(buffer.every((byte) => byte === 0)).toBe(true);
  });

  it("API-8 what was handed over may be changed after the completion", async () => {
    const { handle } = await caller.publishStream("doc");
    const buffer = content.slice();
    await caller.add(handle, buffer);
    buffer.fill(0);
    expect((await caller.complete(handle)).ok).toBe(true);
    const info = await caller.openInformation("doc");
    expect(await caller.retrieve(info.handle)).toEqual(information(1));
  });

  it("API-9 one OVERLAPPED serves one operation at a time, whatever the instance", async () => {
    const handle = await caller.open();
    const { overlapped, code } = await endlessRead(handle);
    expect(code).toBe(997);
    const buffer = new Uint8Array(1);
    expect(await api.PeerDistClientBlockRead(instance, handle, 1, buffer, 0, overlapped)).toBe(87);
    const other = await world.caller();
    const foreign = await other.open();
    expect(await other.api.PeerDistClientBlockRead(other.instance, foreign, 1, buffer, 0, overlapped)).toBe(
      87,
    );
    expect(await api.PeerDistClientCancelAsyncOperation(instance, handle, overlapped)).toBe(0);
    expect(await api.PeerDistClientBlockRead(instance, handle, 1, buffer, 0, overlapped)).toBe(997);
    await caller.result(overlapped);
  });

  it("API-11 a port serves several handles and packets of others; without a port the key means nothing", async () => {
    const port = new CompletionPort();
    const [a, b] = [
      await caller.open(information(1), TAG, port, "a"),
      await caller.open(information(2), TAG, port, "b"),
    ];
    port.post({ ok: true, key: "mine", overlapped: undefined, bytesTransferred: 3, error: 0 });
    const buffer = new Uint8Array(1);
    await api.PeerDistClientBlockRead(instance, a, 1, buffer, 0, new Overlapped());
    await api.PeerDistClientBlockRead(instance, b, 1, buffer, 0, new Overlapped());
    const keys = [await port.next(), await port.next(), await port.next()].map(({ key }) => key);
    expect(keys).toEqual(["mine", "a", "b"]);
    const without = await caller.openContent(TAG, undefined, "ignored");
    expect((await caller.addInformation(without, information(1))).ok).toBe(true);
  });

  it("API-13 the event is manual-reset, reset at the start and set at the end", async () => {
    const handle = await caller.open();
    const hEvent = new ManualResetEvent();
    hEvent.set();
    const { overlapped } = await endlessRead(handle, { hEvent });
    expect(hEvent.isSet).toBe(false);
    const woken = hEvent.wait();
    await api.PeerDistClientCancelAsyncOperation(instance, handle, overlapped);
    await woken;
    expect(hEvent.isSet).toBe(true);
    const bytes: Out<number> = {};
    expect(await api.PeerDistGetOverlappedResult(overlapped, bytes, false)).toBe(false);
    expect(api.GetLastError(overlapped)).toBe(995);
  });

  it("API-14 with event and port the event is set and nothing is queued", async () => {
    const port = new CompletionPort();
    const handle = await caller.open(information(1), TAG, port);
    const hEvent = new ManualResetEvent();
    const overlapped = new Overlapped({ hEvent });
    await api.PeerDistClientBlockRead(instance, handle, 1, new Uint8Array(1), 0, overlapped);
    await hEvent.wait();
    expect(port.length).toBe(0);
  });

  it("API-15 without event and port the result query tells", async () => {
    const handle = await caller.open();
    expect(await caller.blockRead(handle, 0, 10)).toMatchObject({ error: 4052, bytes: content.length });
  });

  it("API-16 API-17 only 0, 4052 and 1460 write the offset; Internal holds the status", async () => {
    const handle = await caller.open();
    const overlapped = new Overlapped({ offset: 2n ** 40n });
    const buffer = new Uint8Array(10);
    await api.PeerDistClientBlockRead(instance, handle, 10, buffer, 0, overlapped);
    expect(await caller.result(overlapped)).toMatchObject({ error: 4053, offset: 2n ** 40n });
    expect(overlapped.Internal).toBe(4053);
    overlapped.offset = 70_000n;
    await api.PeerDistClientBlockRead(instance, handle, 10, buffer, 0, overlapped);
    expect(await caller.result(overlapped)).toMatchObject({ error: 4052, offset: 70_000n });
    expect([overlapped.Internal, overlapped.InternalHigh]).toEqual([4052, content.length - 70_000]);
  });

  it("API-18 API-19 API-35 a query of what is pending waits, or says 996", async () => {
    const handle = await caller.open();
    const { overlapped } = await endlessRead(handle);
    const bytes: Out<number> = {};
    expect(await api.PeerDistGetOverlappedResult(overlapped, bytes, false)).toBe(false);
    expect([api.GetLastError(overlapped), overlapped.Internal]).toEqual([996, STATUS_PENDING]);
    const waiting = api.PeerDistGetOverlappedResult(overlapped, bytes, true);
    await api.PeerDistClientCancelAsyncOperation(instance, handle, overlapped);
    expect(await waiting).toBe(false);
    expect(await api.PeerDistGetOverlappedResult(new Overlapped(), bytes, true)).toBe(false);
    expect(api.GetLastError(new Overlapped())).toBe(87);
  });

  it("API-20 where the offset is not asked for, what stands there does no harm", async () => {
    const { handle } = await caller.publishStream("doc");
    const add = await caller.run(
      (o) => api.PeerDistServerPublishAddToStream(instance, handle, content.length, content, o),
      99n,
    );
    expect(add).toMatchObject({ ok: true, bytes: content.length, offset: 99n });
    const complete = await caller.run(
      (o) => api.PeerDistServerPublishCompleteStream(instance, handle, o),
      99n,
    );
    expect(complete.ok).toBe(true);
  });

  it("API-21 API-22 API-23 cancel returns after the completion is told; what has ended is not found", async () => {
    const port = new CompletionPort();
    const handle = await caller.open(information(1), TAG, port);
    const { overlapped, buffer } = await endlessRead(handle);
    expect(await api.PeerDistClientCancelAsyncOperation(instance, handle, overlapped)).toBe(0);
    expect(port.poll()).toMatchObject({ ok: false, error: 995, overlapped });
    expect(await caller.result(overlapped)).toMatchObject({ ok: false, error: 995 });
    expect(await api.PeerDistClientCancelAsyncOperation(instance, handle, overlapped)).toBe(4059);
    expect([port.length, buffer.every((byte) => byte === 0)]).toEqual([0, true]);
  });

  it("API-22 a cancel that comes too late changes nothing", async () => {
    const port = new CompletionPort();
    const handle = await caller.open(information(1), TAG, port);
    await caller.addData(handle, 0, content);
    port.poll();
    const overlapped = new Overlapped();
    const read = api.PeerDistClientBlockRead(instance, handle, 10, new Uint8Array(10), 0, overlapped);
    const cancel = api.PeerDistClientCancelAsyncOperation(instance, handle, overlapped);
    expect(await read).toBe(997);
    const { error } = await port.next();
    expect([0, 995]).toContain(error);
    expect(await cancel).toBe(error === 995 ? 0 : 4059);
    expect(port.length).toBe(0);
  });

  it("API-24 closing a handle ends its operations with 995, and no other's", async () => {
    const port = new CompletionPort();
    const handle = await caller.open(information(1), TAG, port);
    const other = await caller.open(information(2));
    const reads = [await endlessRead(handle), await endlessRead(handle)];
    await expect.poll(() => world.branch.asked).toBe(1);
    const lasting = await endlessRead(other);
    await expect.poll(() => world.branch.asked).toBe(2);
    expect(await api.PeerDistClientCloseContent(instance, handle)).toBe(0);
    for (const { overlapped } of reads) expect(port.poll()).toMatchObject({ error: 995, overlapped });
    await expect.poll(() => world.branch.abandoned).toBe(1);
    expect(lasting.overlapped.Internal).toBe(STATUS_PENDING);
    await api.PeerDistClientCloseContent(instance, other);
  });

  it("API-25 what feeds a stream goes one at a time", async () => {
    const handle = await caller.openContent();
    const bytes = information(1);
    const [a, b] = [new Overlapped(), new Overlapped()];
    const first = api.PeerDistClientAddContentInformation(instance, handle, 10, bytes, a);
    const second = api.PeerDistClientAddContentInformation(instance, handle, 10, bytes, b);
    expect([await first, await second]).toEqual([997, 87]);
    expect((await caller.result(a)).ok).toBe(true);
    const { handle: stream } = await caller.publishStream("doc");
    const one = api.PeerDistServerPublishAddToStream(instance, stream, content.length, content, a);
    const two = api.PeerDistServerPublishAddToStream(instance, stream, content.length, content, b);
    expect([await one, await two]).toEqual([997, 87]);
    expect((await caller.result(a)).ok).toBe(true);
  });

  it("API-26 stream reads fill their buffers in the order in which they came", async () => {
    world.branch.peers = bytesOf;
    const handle = await caller.open();
    const reads = Array.from({ length: 5 }, () => ({
      overlapped: new Overlapped(),
      buffer: new Uint8Array(1_000),
    }));
    for (const { overlapped, buffer } of reads) {
      expect(await api.PeerDistClientStreamRead(instance, handle, 1_000, buffer, 1_000, overlapped)).toBe(
        997,
      );
    }
    for (const [i, { overlapped, buffer }] of reads.entries()) {
      expect(await caller.result(overlapped)).toMatchObject({ bytes: 1_000, offset: BigInt(i * 1_000) });
      expect(digest(buffer)).toBe(digest(content.subarray(i * 1_000, (i + 1) * 1_000)));
    }
  });

  it("handles of another kind, another instance and closed ones are invalid", async () => {
    const handle = await caller.open();
    const { handle: stream } = await caller.publishStream("doc");
    const buffer = new Uint8Array(1);
    const read = (h: unknown, of = instance) =>
      api.PeerDistClientBlockRead(of, h as PEERDIST_CONTENT_HANDLE, 1, buffer, 0, new Overlapped());
    for (const wrong of [null, {}, 5, stream, instance]) expect(await read(wrong)).toBe(6);
    const other = await world.caller();
    expect(await read(handle, other.instance)).toBe(6);
    expect(await api.PeerDistClientCloseContent(instance, handle)).toBe(0);
    expect(await read(handle)).toBe(6);
    expect(await api.PeerDistClientCloseContent(instance, handle)).toBe(6);
    expect(await api.PeerDistServerCloseStreamHandle(instance, stream)).toBe(0);
  });

  it("parameters are looked at before handles", async () => {
    const status: Out<PEERDIST_STATUS> = {};
    expect(await api.PeerDistClientOpenContent(null, { Data: new Uint8Array(15) }, null, 0, {})).toBe(87);
    expect(await api.PeerDistServerUnpublish(null, 0, new Uint8Array(0))).toBe(87);
    expect(await api.PeerDistGetStatus(instance, status)).toBe(0);
    expect(status.value).toBe(PEERDIST_STATUS.AVAILABLE);
  });
});
