import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CompletionPort,
  ManualResetEvent,
  type Out,
  Overlapped,
  PEERDIST_STATUS,
  type PEERDIST_STATUS_INFO,
  STATUS_PENDING,
} from "../src/index.ts";
import { content, information } from "./support/branch.ts";
import { type Caller, TAG, World } from "./support/caller.ts";
import { transports } from "./support/transports.ts";

const { DISABLED, UNAVAILABLE, AVAILABLE } = PEERDIST_STATUS;

describe.each(transports)("status, $name", (transport) => {
  let world: World;
  let caller: Caller;
  let api: Caller["api"];

  beforeEach(async () => {
    world = await World.start(transport);
    caller = await world.caller();
    api = caller.api;
  });

  afterEach(() => world.close());

  async function status(): Promise<PEERDIST_STATUS | undefined> {
    const out: Out<PEERDIST_STATUS> = {};
    expect(await api.PeerDistGetStatus(caller.instance, out)).toBe(0);
    return out.value;
  }

  async function register(overlapped = new Overlapped(), port?: CompletionPort) {
    const out: Out<PEERDIST_STATUS> = {};
    const code = await api.PeerDistRegisterForStatusChangeNotification(
      caller.instance,
      port,
      "status",
      overlapped,
      out,
    );
    return { code, overlapped, out };
  }

  it("API-30 API-64 is told in every state", async () => {
    expect(await status()).toBe(AVAILABLE);
    for (const next of [DISABLED, UNAVAILABLE, AVAILABLE]) {
      world.branch.service.setStatus(next);
      await expect.poll(status).toBe(next);
    }
    expect(await api.PeerDistGetStatus(caller.instance, null as never)).toBe(87);
  });

  it("API-31 API-85 Ex tells the versions too, and wants its size", async () => {
    const info: PEERDIST_STATUS_INFO = { cbSize: 16, status: DISABLED, dwMinVer: 0, dwMaxVer: 0 };
    expect(await api.PeerDistGetStatusEx(caller.instance, info)).toBe(0);
    expect(info).toEqual({ cbSize: 16, status: AVAILABLE, dwMinVer: 1, dwMaxVer: 2 });
    expect(await api.PeerDistGetStatusEx(caller.instance, { ...info, cbSize: 12 })).toBe(87);
  });

  it("API-32 API-66 API-67 API-68 API-69 the first registration tells at once, later ones what is new", async () => {
    const port = new CompletionPort();
    const first = await register(new Overlapped(), port);
    expect(first.code).toBe(997);
    expect(await port.next()).toMatchObject({ ok: true, key: "status", overlapped: first.overlapped });
    expect(first.out.value).toBe(AVAILABLE);
    const second = await register(new Overlapped(), port);
    await status();
    expect([port.length, second.overlapped.Internal, second.out.value]).toEqual([
      0,
      STATUS_PENDING,
      undefined,
    ]);
    world.branch.service.setStatus(DISABLED);
    expect(await port.next()).toMatchObject({ overlapped: second.overlapped });
    expect(second.out.value).toBe(DISABLED);
    // Nobody is told of this one.
    world.branch.service.setStatus(AVAILABLE);
    world.branch.service.setStatus(DISABLED);
    await expect.poll(status).toBe(DISABLED);
    const third = await register(new Overlapped(), port);
    await status();
    expect([port.length, third.overlapped.Internal]).toEqual([0, STATUS_PENDING]);
  });

  it("API-68 what is disabled is no news to the first", async () => {
    world.branch.service.setStatus(DISABLED);
    await expect.poll(status).toBe(DISABLED);
    const { overlapped } = await register();
    expect(overlapped.Internal).toBe(STATUS_PENDING);
    world.branch.service.setStatus(UNAVAILABLE);
    expect(await caller.result(overlapped)).toMatchObject({ ok: true });
  });

  it("API-33 Ex is asynchronous too, and fills the structure", async () => {
    const info: PEERDIST_STATUS_INFO = { cbSize: 16, status: DISABLED, dwMinVer: 0, dwMaxVer: 0 };
    const ended = await caller.run((o) =>
      api.PeerDistRegisterForStatusChangeNotificationEx(caller.instance, null, 0, o, info),
    );
    expect(ended.ok).toBe(true);
    expect(info).toEqual({ cbSize: 16, status: AVAILABLE, dwMinVer: 1, dwMaxVer: 2 });
    const { instance } = caller;
    const o = new Overlapped();
    const small = { ...info, cbSize: 4 };
    expect(await api.PeerDistRegisterForStatusChangeNotificationEx(instance, null, 0, o, small)).toBe(87);
  });

  it("API-14 the event wins over the port", async () => {
    const port = new CompletionPort();
    const hEvent = new ManualResetEvent();
    await register(new Overlapped({ hEvent }), port);
    await hEvent.wait();
    expect(port.length).toBe(0);
  });

  it("API-65 one registration at a time", async () => {
    await caller.result((await register()).overlapped);
    expect((await register()).code).toBe(997);
    expect((await register()).code).toBe(87);
    const other = await world.caller();
    const theirs = await other.run((o) =>
      other.api.PeerDistRegisterForStatusChangeNotification(other.instance, null, 0, o, {}),
    );
    expect(theirs.ok).toBe(true);
  });

  it("API-34 API-70 unregistering ends it with 995", async () => {
    await caller.result((await register()).overlapped);
    const { overlapped } = await register();
    expect(await api.PeerDistUnregisterForStatusChangeNotification(caller.instance)).toBe(0);
    expect(await caller.result(overlapped)).toMatchObject({ ok: false, error: 995 });
    expect(await api.PeerDistUnregisterForStatusChangeNotification(caller.instance)).toBe(0);
    expect((await register()).code).toBe(997);
  });

  it("API-4 shutdown ends a registration", async () => {
    await caller.result((await register()).overlapped);
    const { overlapped } = await register();
    expect(await api.PeerDistShutdown(caller.instance)).toBe(0);
    expect(await caller.result(overlapped)).toMatchObject({ error: 995 });
  });

  it.each([
    { next: DISABLED, refused: 1260 },
    { next: UNAVAILABLE, refused: 4065 },
  ])("API-27 API-71 status $next invalidates handles; the instance stays", async ({ next, refused }) => {
    world.branch.peers = () => "never";
    await caller.publish("doc");
    const stream = (await caller.publishStream("half")).handle;
    const info = (await caller.openInformation("doc")).handle;
    const handle = await caller.open();
    const buffer = new Uint8Array(100);
    const pending = new Overlapped();
    const { instance } = caller;
    await api.PeerDistClientBlockRead(instance, handle, 100, buffer, 1_000, pending);
    world.branch.service.setStatus(next);
    expect(await caller.result(pending)).toMatchObject({ error: 4057 });
    for (const code of [
      await api.PeerDistClientBlockRead(instance, handle, 1, buffer, 0, new Overlapped()),
      await api.PeerDistServerPublishAddToStream(instance, stream, 1, buffer, new Overlapped()),
      await api.PeerDistServerRetrieveContentInformation(instance, info, 1, buffer, new Overlapped()),
    ]) {
      expect(code).toBe(4057);
    }
    expect((await caller.publishStream("new")).code).toBe(refused);
    expect((await caller.openInformation("doc")).code).toBe(refused);
    expect(await api.PeerDistClientOpenContent(instance, TAG, null, 0, {})).toBe(refused);
    expect(await api.PeerDistClientFlushContent(instance, TAG, null, 0, new Overlapped())).toBe(refused);
    expect((await register()).code).toBe(997);

    world.branch.service.setStatus(AVAILABLE);
    await expect.poll(status).toBe(AVAILABLE);
    expect(await api.PeerDistClientBlockRead(instance, handle, 1, buffer, 0, new Overlapped())).toBe(4057);
    expect(await api.PeerDistClientCloseContent(instance, handle)).toBe(0);
    expect(await api.PeerDistServerCloseStreamHandle(instance, stream)).toBe(0);
    expect(await api.PeerDistServerCloseContentInformation(instance, info)).toBe(0);
    expect((await caller.openInformation("doc")).code).toBe(0);
    expect((await caller.openInformation("half")).code).toBe(1168);
    await caller.addData(await caller.open(information(1)), 0, content);
  });
});
