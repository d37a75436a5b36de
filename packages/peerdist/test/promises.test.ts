import { concatBytes } from "@branchcache/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PEERDIST_STATUS } from "../src/index.ts";
import { connectPeerDist, MissingRange, type PeerDist } from "../src/promises.ts";
import { bytesOf, content, information } from "./support/branch.ts";
import { digest, TAG, World } from "./support/caller.ts";
import { transports } from "./support/transports.ts";

const tag = TAG.Data;
const doc = new TextEncoder().encode("doc");

describe.each(transports)("promises, $name", (transport) => {
  let world: World;
  const opened: PeerDist[] = [];

  beforeEach(async () => {
    world = await World.start(transport);
  });

  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    await world.close();
  });

  async function connect(identity?: string): Promise<PeerDist> {
    const one = await connectPeerDist({
      transport: world.served.transport(identity),
      clock: world.branch.clock,
    });
    opened.push(one);
    return one;
  }

  async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }

  async function gather(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const all: Uint8Array[] = [];
    for await (const part of parts) all.push(part);
    return concatBytes(...all);
  }

  it("API-53 publishes, opens and reads: from the origin first, from the cache then", async () => {
    const server = await connect("uid:1");
    const client = await connect("uid:2");
    await using publication = await server.publish(doc, pieces(content, 33_333));
    expect(publication.lengthBytes).toBe(content.length);
    const told = server.contentInformation(doc, { versions: { min: 1, max: 2 } });
    await using opened = await client.open(tag, told);
    const asked: [number, number][] = [];
    const origin = (offset: number, length: number) => {
      asked.push([offset, length]);
      return pieces(content.subarray(offset, offset + length), 10_000);
    };
    expect(digest(await gather(opened.stream({ origin })))).toBe(digest(content));
    expect(asked[0]?.[0]).toBe(0);
    expect(asked.reduce((sum, [, length]) => sum + length, 0)).toBe(content.length);
    asked.length = 0;
    await using again = await client.open(tag, information(2));
    expect(await again.available(0)).toBe(content.length);
    expect(digest(await gather(again.stream({ origin })))).toBe(digest(content));
    expect(asked).toEqual([]);
    expect(await again.readNext(10)).toBeUndefined();
    expect([await again.read(content.length, 10), await again.available(content.length)]).toEqual([
      undefined,
      0,
    ]);
    await client.flush(tag);
    expect(await again.available(0)).toBe(0);
    await publication.unpublish();
    await expect(gather(server.contentInformation(doc))).rejects.toMatchObject({
      code: "BC_PEERDIST",
      error: 1168,
      symbol: "PEERDIST_ERROR_NOT_FOUND",
    });
  });

  it("reads a range, tells what is missing, and what many want", async () => {
    const client = await connect();
    await using part = await client.open(tag, information(1, 70_000, 80_000));
    const missing = await part.read(75_000, 10, { timeoutMs: 0 });
    expect(missing).toEqual(new MissingRange({ offset: 75_000, bytes: 5_000, error: 4052 }));
    world.branch.peers = bytesOf;
    const piece = await part.read(75_000, 10);
    expect(piece).toMatchObject({ kind: "data", offsetBytes: 75_000, bytes: content.slice(75_000, 75_010) });
    expect(await part.flashCrowd()).toBe(false);
    world.branch.crowded = true;
    expect(await part.flashCrowd()).toBe(true);
  });

  it("reads into memory that it is given, and no further", async () => {
    const client = await connect();
    await using opened = await client.open(tag, information(1));
    await opened.addData(0, content);
    const memory = new Uint8Array(100_000);
    const into = memory.subarray(10, 90_010);
    const piece = await opened.read(50_000, 200_000, { timeoutMs: 0, into });
    if (piece?.kind !== "data") throw new Error("nothing read");
    expect([piece.bytes.buffer === memory.buffer, piece.bytes.byteOffset]).toEqual([true, 10]);
    expect(piece.bytes.length).toBeLessThanOrEqual(into.length);
    expect(digest(piece.bytes)).toBe(digest(content.subarray(50_000, 50_000 + piece.bytes.length)));
    expect(memory.subarray(0, 10).every((byte) => byte === 0)).toBe(true);
    // Given away while it is read into: that read fails, and what follows is right.
    const lost = new Uint8Array(50_000);
    const reading = opened.read(0, 50_000, { timeoutMs: 0, into: lost });
    structuredClone(lost, { transfer: [lost.buffer] });
    await expect(reading).rejects.toThrow(TypeError);
    const next = await opened.readNext(1_000, { into });
    expect(next?.kind === "data" && digest(next.bytes)).toBe(digest(content.subarray(0, 1_000)));
  });

  it("refuses offsets and lengths that are none, and says which", async () => {
    const client = await connect("uid:2");
    await using opened = await client.open(tag, information(2));
    const calls: readonly [string, () => Promise<unknown>][] = [
      ["offsetBytes", () => opened.read(-1, 10)],
      ["maxBytes", () => opened.read(0, -10)],
      ["maxBytes", () => opened.readNext(Number.NaN)],
      ["offsetBytes", () => opened.available(-1)],
      ["offsetBytes", () => opened.addData(-1, new Uint8Array(1))],
    ];
    for (const [name, call] of calls) {
      const message = expect.stringContaining(name);
      await expect(call()).rejects.toMatchObject({ code: "BC_INVALID_ARGUMENT", message });
    }
  });

  it("gives ranges of Content Information", async () => {
    const server = await connect();
    await server.publish(doc, [content]);
    const range = { startBytes: 1_000, endBytes: 2_000 };
    const bytes = await gather(server.contentInformation(doc, { range }));
    expect(digest(bytes)).toBe(digest(information(1, 1_000, 2_000)));
  });

  it("API-21 an aborted signal cancels, and rejects with its reason", async () => {
    world.branch.peers = () => "never";
    const client = await connect();
    await using opened = await client.open(tag, information(1));
    const abort = new AbortController();
    const read = opened.read(0, 10, { signal: abort.signal });
    await expect.poll(() => world.branch.asked).toBe(1);
    abort.abort(new Error("enough"));
    await expect(read).rejects.toThrow("enough");
    await expect(opened.read(0, 10, { signal: abort.signal })).rejects.toThrow("enough");
    await expect.poll(() => world.branch.abandoned).toBe(1);
    const publish = client.publish(doc, pieces(content, 10), { signal: abort.signal });
    await expect(publish).rejects.toThrow("enough");
    await client.publish(doc, [content]);
  });

  it("leaves nothing of what failed half-way", async () => {
    const client = await connect();
    const source = (async function* () {
      yield content;
      throw new Error("disk gone");
    })();
    await expect(client.publish(doc, source)).rejects.toThrow("disk gone");
    await expect(client.publish(doc, [content], { lengthBytes: 5 })).rejects.toMatchObject({ error: 4061 });
    await expect(client.open(tag, information(1).subarray(0, 90))).rejects.toMatchObject({ error: 4051 });
    await expect(client.open(new Uint8Array(3), information(1))).rejects.toMatchObject({ error: 87 });
    expect(world.branch.service.counts).toMatchObject({ handles: 0, publications: 0, bytes: 0 });
  });

  it("an origin that gives less is found out", async () => {
    const client = await connect();
    await using opened = await client.open(tag, information(1));
    const origin = () => [content.subarray(0, 5)];
    await expect(gather(opened.stream({ origin }))).rejects.toMatchObject({ error: 4052 });
  });

  it("API-66 API-68 tells the status, and its changes until the signal ends them", async () => {
    const client = await connect();
    expect(await client.status()).toEqual({
      status: PEERDIST_STATUS.AVAILABLE,
      minVersion: 1,
      maxVersion: 2,
    });
    const abort = new AbortController();
    const seen: PEERDIST_STATUS[] = [];
    const watching = (async () => {
      for await (const status of client.statusChanges(abort.signal)) seen.push(status);
    })();
    await expect.poll(() => seen).toEqual([2]);
    world.branch.service.setStatus(PEERDIST_STATUS.DISABLED);
    await expect.poll(() => seen).toEqual([2, 0]);
    world.branch.service.setStatus(PEERDIST_STATUS.AVAILABLE);
    await expect.poll(() => seen).toEqual([2, 0, 2]);
    abort.abort();
    await watching;
  });
});
