import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { type ApiServer, type BranchCache, FrameReader, FrameWriter, serveApi } from "@branchcache/peer-node";
import { randomInteger } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { createPeerDist, type Out, Overlapped, PEERDIST_STATUS } from "../src/index.ts";
import { daemon, PEERDIST_PROTOCOL, peerDistProtocol } from "../src/node.ts";
import { type Branch, content, information, startBranch } from "./support/branch.ts";
import { Caller } from "./support/caller.ts";

describe("the daemon's socket", () => {
  let home: string;
  let path: string;
  let branch: Branch;
  let server: ApiServer;
  const clients: { socket: Socket }[] = [];

  async function serve(): Promise<void> {
    server = await serveApi({
      path,
      branchCache: {} as BranchCache,
      mode: "local",
      protocols: { [PEERDIST_PROTOCOL]: peerDistProtocol({ service: branch.service }) },
    });
  }

  beforeEach(async () => {
    home = await temporaryDirectory();
    path = join(home, "api.sock");
    branch = await startBranch();
    await serve();
  });

  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await server.close();
  });

  const caller = () => Caller.start(createPeerDist({ transport: daemon({ path }), clock: branch.clock }));

  async function restart(): Promise<void> {
    await server.close();
    branch.service.close();
    await serve();
  }

  it("API-27 a daemon that restarts invalidates handles, ends what is pending, and serves on", async () => {
    branch.peers = () => "never";
    const one = await caller();
    const handle = await one.open();
    const overlapped = new Overlapped();
    const buffer = new Uint8Array(9);
    await one.api.PeerDistClientBlockRead(one.instance, handle, 9, buffer, 1_000, overlapped);
    await restart();
    expect(await one.result(overlapped)).toMatchObject({ error: 4057 });
    const again = () => one.api.PeerDistClientBlockRead(one.instance, handle, 9, buffer, 0, new Overlapped());
    expect(await again()).toBe(4057);
    const fresh = await one.open();
    expect(await again()).toBe(4057);
    expect(await one.blockRead(fresh, 0, 0)).toMatchObject({ ok: true });
    expect(await one.api.PeerDistClientCloseContent(one.instance, handle)).toBe(0);
    expect(await one.blockRead(fresh, 0, 0)).toMatchObject({ ok: true });
    expect(await one.api.PeerDistShutdown(one.instance)).toBe(0);
  });

  it("API-30 API-71 without a daemon the status is UNAVAILABLE, and calls say so", async () => {
    await server.close();
    const one = await caller();
    const status: Out<PEERDIST_STATUS> = {};
    expect(await one.api.PeerDistGetStatus(one.instance, status)).toBe(0);
    expect(status.value).toBe(PEERDIST_STATUS.UNAVAILABLE);
    expect((await one.publishStream("doc")).code).toBe(4065);
    await serve();
    expect((await one.publishStream("doc")).code).toBe(0);
    await one.api.PeerDistShutdown(one.instance);
  });

  it("API-64 API-71 who is registered is told that the daemon went, and that it came back", async () => {
    const one = await caller();
    const register = () => {
      const out: Out<PEERDIST_STATUS> = {};
      const { api, instance } = one;
      return one
        .run((o) => api.PeerDistRegisterForStatusChangeNotification(instance, null, 0, o, out))
        .then(() => out.value);
    };
    expect(await register()).toBe(PEERDIST_STATUS.AVAILABLE);
    const gone = register();
    await server.close();
    expect(await gone).toBe(PEERDIST_STATUS.UNAVAILABLE);
    const back = register();
    await expect.poll(() => branch.clock.pending).toBe(1);
    await serve();
    await branch.clock.advance(1_000);
    expect(await back).toBe(PEERDIST_STATUS.AVAILABLE);
    await one.api.PeerDistShutdown(one.instance);
    expect(branch.clock.pending).toBe(0);
  });

  it("API-4 a caller that vanishes takes its publications and operations along", async () => {
    branch.peers = () => "never";
    const client = await connect();
    client.send({ op: "identify", proof: false });
    const id = new TextEncoder().encode("doc");
    const call = (number: number, what: object) => client.send({ op: "call", id: number, call: what });
    call(1, { method: "publishStream", identifier: id, lengthBytes: 0 });
    call(2, { method: "openContent", tag: new Uint8Array(16) });
    call(3, { method: "addContentInformation", handle: 2, operation: 1, bytes: information(1) });
    await client.until((all) => all.some(({ op }) => op === "completed"));
    call(4, { method: "completeContentInformation", handle: 2, operation: 2 });
    await client.until((all) => all.filter(({ op }) => op === "completed").length === 2);
    const read = {
      method: "blockRead",
      handle: 2,
      operation: 3,
      offsetBytes: 0,
      maxBytes: 9,
      timeoutMs: 1_000,
    };
    call(5, read);
    await expect.poll(() => branch.asked).toBe(1);
    client.socket.destroy();
    await expect
      .poll(() => branch.service.counts)
      .toEqual({
        sessions: 0,
        identities: 0,
        handles: 0,
        operations: 0,
        publications: 0,
        bytes: 0,
      });
    await expect.poll(() => [branch.abandoned, branch.clock.pending]).toEqual([1, 0]);
  });

  it.each([
    { what: "no request", messages: [{ op: "format" }], code: "BC_API_FRAME" },
    {
      what: "a call before identify",
      messages: [{ op: "call", id: 1, call: { method: "close", handle: 1 } }],
      code: "BC_API_ORDER",
    },
    {
      what: "identify twice",
      messages: [
        { op: "identify", proof: false },
        { op: "identify", proof: false },
      ],
      code: "BC_API_ORDER",
    },
    ...[
      null,
      { method: "format" },
      { method: "toString" },
      { method: "close", handle: -1 },
      { method: "close", handle: 2 ** 60 },
      { method: "unpublish", identifier: "text" },
      { method: "unpublish", identifier: new Uint8Array(0) },
      { method: "openContent", tag: new Uint8Array(15) },
      {
        method: "openContentInformation",
        identifier: Uint8Array.of(1),
        offsetBytes: 0,
        lengthBytes: 0,
        versions: 1,
      },
      { method: "addData", handle: 1, operation: 1, offsetBytes: 0, bytes: new Uint8Array(262_145) },
    ].map((call) => ({
      what: `the call ${JSON.stringify(call)?.slice(0, 60)}`,
      messages: [
        { op: "identify", proof: false },
        { op: "call", id: 1, call },
      ],
      code: "BC_API_FRAME",
    })),
  ])("ends a connection for $what, and disturbs no other", async ({ messages, code }) => {
    const bystander = await caller();
    const handle = await bystander.open();
    const client = await connect();
    for (const message of messages) client.send(message);
    await client.closed;
    expect(client.answers.at(-1)).toMatchObject({ op: "error", code });
    await bystander.addData(handle, 0, content);
    expect(await bystander.blockRead(handle, 0, 10)).toMatchObject({ ok: true });
    await bystander.api.PeerDistShutdown(bystander.instance);
  });

  it("ends who does not say in time who he is, and who does not go", async () => {
    await server.close();
    const clock = branch.clock;
    const protocols = { [PEERDIST_PROTOCOL]: peerDistProtocol({ service: branch.service, clock }) };
    server = await serveApi({ path, branchCache: {} as BranchCache, mode: "local", protocols, clock });
    const silent = createConnection(path).resume();
    const silentClosed = new Promise<void>((resolve) => silent.once("close", () => resolve()));
    const greeted = await connect();
    await greeted.until((all) => all.length === 1);
    const identified = await connect();
    identified.send({ op: "identify", proof: false });
    await identified.until((all) => all.length === 3);
    // The one that has said nothing, and the one that has said too little.
    await expect.poll(() => clock.pending).toBe(2);
    await clock.advance(10_000);
    await Promise.all([silentClosed, greeted.closed]);
    expect([identified.socket.destroyed, branch.service.counts.sessions]).toEqual([false, 1]);
    // An end that the other side does not answer with its own.
    const stubborn = createConnection({ path, allowHalfOpen: true });
    stubborn.write("hello?");
    stubborn.on("error", () => {});
    await expect.poll(() => stubborn.resume().readableEnded).toBe(true);
    identified.socket.destroy();
    await expect.poll(() => clock.pending).toBe(0);
    stubborn.destroy();
  });

  it("has one quota for all who prove nothing, and shows them nothing of each other", async () => {
    branch = await startBranch({ quota: { handles: 2, sessions: 3 } });
    await server.close();
    await serve();
    const [a, b] = [await caller(), await caller()];
    await a.publish("doc");
    expect((await b.openInformation("doc")).code).toBe(1168);
    await a.openContent();
    await b.openContent();
    await expect(b.openContent()).rejects.toThrow("1816");
    const [c, d] = [await caller(), await caller()];
    await expect(c.openContent()).rejects.toThrow("1816");
    expect((await c.openInformation("doc")).code).toBe(1168);
    expect((await d.openInformation("doc")).code).toBe(1816);
    for (const { api, instance } of [a, b, c, d]) await api.PeerDistShutdown(instance);
    await expect.poll(() => Object.values(branch.service.counts).every((count) => count === 0)).toBe(true);
  });

  it("takes no garbage, before or after the greeting, and goes on with others", async () => {
    const bystander = await caller();
    const handle = await bystander.open();
    const random = seededRandom(11);
    for (let i = 0; i < 60; i++) {
      const client = await connect();
      if (i % 3 === 1) client.send({ op: "identify", proof: false });
      const length = randomInteger(random, 1, 2_000);
      const garbage = random.bytes(4 + length);
      // Every other time a frame of the right length, so that what is inside is looked at.
      if (i % 2 === 1) new DataView(garbage.buffer).setUint32(0, length);
      client.socket.end(garbage);
      await client.closed;
    }
    await bystander.addData(handle, 0, content);
    expect(await bystander.blockRead(handle, 0, 10)).toMatchObject({ ok: true });
    await bystander.api.PeerDistShutdown(bystander.instance);
    await expect.poll(() => Object.values(branch.service.counts).every((count) => count === 0)).toBe(true);
  });

  it("finds no service in a daemon that does not know the protocol", async () => {
    await server.close();
    server = await serveApi({ path, branchCache: {} as BranchCache, mode: "local" });
    const one = await caller();
    expect((await one.publishStream("doc")).code).toBe(4065);
    await one.api.PeerDistShutdown(one.instance);
  });

  it("knows no handles of others, and no operation twice", async () => {
    const owner = await caller();
    await owner.open();
    const client = await connect();
    client.send({ op: "identify", proof: false });
    client.send({ op: "call", id: 1, call: { method: "clientInformation", handle: 1 } });
    client.send({ op: "call", id: 2, call: { method: "close", handle: 1 } });
    client.send({ op: "call", id: 3, call: { method: "cancel", operation: 1 } });
    await client.until((all) => all.length === 6);
    expect(client.answers.slice(3)).toMatchObject([{ code: 6 }, { code: 6 }, { code: 4059 }]);
    await owner.api.PeerDistShutdown(owner.instance);
  });

  it("falls silent where nobody reads, and costs others nothing", async () => {
    const lazy = await connect();
    lazy.send({ op: "identify", proof: false });
    lazy.socket.pause();
    for (let id = 0; id < 5_000; id++) {
      lazy.send({ op: "call", id, call: { method: "close", handle: id } });
    }
    const busy = await caller();
    const handle = await busy.open();
    expect(await busy.blockRead(handle, 0, 0)).toMatchObject({ ok: true });
    await busy.api.PeerDistShutdown(busy.instance);
  });

  /** A caller that writes frames by hand. */
  async function connect() {
    type Message = { readonly op: string; readonly code?: number | string };
    const answers: Message[] = [];
    const reader = new FrameReader((message) => answers.push(message as Message));
    const socket = createConnection(path);
    const writer = new FrameWriter(socket);
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (chunk) => reader.push(chunk));
    socket.on("error", () => {});
    const send = (message: unknown) => void writer.write(message);
    send({ op: "hello", protocol: PEERDIST_PROTOCOL });
    const client = {
      socket,
      answers,
      closed,
      send,
      until: (met: (all: readonly Message[]) => boolean) => expect.poll(() => met(answers)).toBe(true),
    };
    clients.push(client);
    return client;
  }
});
