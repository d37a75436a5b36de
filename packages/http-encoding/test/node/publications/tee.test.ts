import { manualClock } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { createTee, type Tee } from "../../../src/node/publications/tee.ts";

describe("tee", () => {
  const made = (lengthBytes: number) => {
    const clock = manualClock();
    const tee = createTee({ limitBytes: 10, lengthBytes, clock, slowReaderMs: 100 });
    let rooms = 0;
    tee.whenRoom(() => rooms++);
    return { clock, tee, rooms: () => rooms, pieces: tee[Symbol.asyncIterator]() };
  };
  const read = async (tee: AsyncIterable<Uint8Array>) => {
    let bytes = 0;
    for await (const piece of tee) bytes += piece.length;
    return bytes;
  };

  it("gives what passed, in order, and ends", async () => {
    const { clock, tee } = made(6);
    const reading = read(tee);
    expect(tee.push(new Uint8Array(4))).toBe(true);
    await Promise.resolve();
    expect(tee.push(new Uint8Array(2))).toBe(true);
    tee.end();
    expect(await reading).toBe(6);
    expect(clock.pending).toBe(0);
  });

  it("is full above its limit, until the reader has taken half of that", async () => {
    const { clock, tee, rooms, pieces } = made(100);
    expect(tee.push(new Uint8Array(4))).toBe(true);
    expect(tee.push(new Uint8Array(6))).toBe(true);
    expect(tee.push(new Uint8Array(1))).toBe(false);
    await pieces.next();
    expect([tee.isFull, rooms()]).toEqual([true, 0]);
    await clock.advance(99);
    await pieces.next();
    expect([tee.isFull, rooms()]).toEqual([false, 1]);
    // The next time counts anew.
    await clock.advance(99);
    expect(tee.push(new Uint8Array(10))).toBe(false);
    await clock.advance(99);
    await pieces.next();
    await pieces.next();
    expect([tee.isFull, rooms(), clock.pending]).toEqual([false, 2, 0]);
  });

  it("a reader who is too slow is dropped, and the client goes on", async () => {
    const { clock, tee, rooms, pieces } = made(100);
    tee.push(new Uint8Array(11));
    await clock.advance(99);
    expect([tee.isFull, rooms()]).toEqual([true, 0]);
    await clock.advance(1);
    expect([tee.isFull, rooms()]).toEqual([false, 1]);
    expect(tee.push(new Uint8Array(100))).toBe(true);
    await expect(pieces.next()).rejects.toThrow(/slower/);
  });

  it("content that is all there holds nobody", async () => {
    const { clock, tee, rooms } = made(11);
    expect(tee.push(new Uint8Array(11))).toBe(false);
    tee.end();
    expect([tee.isFull, rooms(), clock.pending]).toEqual([false, 1, 0]);
    expect(await read(tee)).toBe(11);
  });

  it.each<[string, (tee: Tee) => unknown, RegExp]>([
    ["is told nothing of being full", (tee) => tee.push(new Uint8Array(21)), /slower/],
    ["has too little", (tee) => tee.end(), /as long as/],
    ["is dropped", (tee) => tee.drop("gone"), /gone/],
  ])("rejects when it %s, and holds nothing more", async (_name, act, reason) => {
    const { clock, tee } = made(100);
    const reading = read(tee);
    act(tee);
    tee.push(new Uint8Array(5));
    tee.end();
    await expect(reading).rejects.toThrow(reason);
    expect(clock.pending).toBe(0);
  });
});
