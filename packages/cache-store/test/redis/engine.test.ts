import { stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { openRedisStore, type RedisStoreOptions } from "@branchcache/cache-store/redis";
import { equalBytes, errorCode, toHex } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { manualClock, recordingObserver } from "@branchcache/runtime/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  type RedisCluster,
  type RedisNode,
  startRedisCluster,
} from "../../../../test/support/redis-cluster.mjs";
import { requirement } from "../../../../test/support/requires.ts";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { BLOCKS, SEALED_BYTES, sealedBlock, segmentOf } from "../helpers/content.mjs";
import { collect } from "../helpers/temporary.ts";

const redis = requirement("redis-server");
const keyOf = (n: number) => `branchcache:segment:{${toHex(segmentOf(n).id)}}`;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe.skipIf(!redis.ok)("what a Redis cluster does by itself", () => {
  let cluster: RedisCluster;
  let everybody: readonly RedisNode[];
  beforeAll(async () => {
    cluster = await startRedisCluster(redis.path);
    everybody = [...cluster.masters, ...cluster.replicas];
  });
  afterAll(() => cluster?.close());
  afterEach(() => onMasters("FLUSHALL"));

  const onMasters = (...command: string[]) =>
    Promise.all(cluster.masters.map((node) => node.ask(...command)));

  async function open(more: Partial<RedisStoreOptions> = {}) {
    const observer = recordingObserver();
    // Machines that run tests are busy.
    const options = { nodes: cluster.nodes, clock: systemClock, deadlineMs: 10_000, observer, ...more };
    const stores = await openRedisStore(options);
    onTestFinished(() => stores.close());
    return { ...stores, observer };
  }

  it("evicts at maxmemory what has no pins, counts it, and is full where nothing may go", async () => {
    const { blocks, observer } = await open();
    for (const n of numbers(6)) {
      await blocks.putBlock(segmentOf(n), 0, sealedBlock(n, 0));
      await blocks.pin(segmentOf(n).id);
    }
    // What is kept for replicas counts as memory used: a megabyte more.
    const roomBytes = 2 ** 20 + 20 * SEALED_BYTES;
    for (const node of cluster.masters) {
      const usedBytes = Number(/used_memory:(\d+)/.exec(await node.ask("INFO", "memory"))?.[1]);
      await node.ask("CONFIG", "SET", "maxmemory", String(usedBytes + roomBytes));
      await node.ask("CONFIG", "SET", "maxmemory-policy", "volatile-lru");
    }
    for (const n of numbers(150)) {
      for (const index of numbers(BLOCKS)) await blocks.putBlock(segmentOf(n), index, sealedBlock(n, index));
    }
    await blocks.flush();
    const held = await blocks.holds(numbers(150).map((n) => segmentOf(n).id));
    expect(
      held.slice(0, 6).every((segment) => segment !== undefined),
      "nothing pinned went",
    ).toBe(true);
    const left = held.flatMap((segment, n) => (segment ? [n] : []));
    expect(left.length).toBeLessThan(120);
    const { gone } = await blocks.statistics();
    expect(gone.size.segments).toBeGreaterThanOrEqual(150 - left.length);
    for (const n of left) {
      // More may go while they are read.
      const block = await blocks.getBlock(segmentOf(n).id, 1);
      if (block) expect(equalBytes(block.data, sealedBlock(n, 1).data)).toBe(true);
    }
    expect(Number.isFinite((await blocks.limits()).limitBytes)).toBe(true);
    // Nor may anything go between two looks at what there is.
    await onMasters("CONFIG", "SET", "maxmemory", "0");
    const list = await collect(blocks.list());
    const usage = await blocks.usage();
    expect(usage.bytes).toBe(list.reduce((sum, segment) => sum + segment.bytes, 0));

    await onMasters("CONFIG", "SET", "maxmemory", "1");
    await onMasters("CONFIG", "SET", "maxmemory-policy", "noeviction");
    expect(await blocks.putBlock(segmentOf(1000), 0, sealedBlock(1000, 0))).toBe("full");
    expect(await blocks.putBlock(segmentOf(1001), 0, sealedBlock(1001, 0))).toBe("full");
    expect(observer.events.filter(({ name }) => name === "cache.full")).toHaveLength(1);
    expect((await blocks.getBlock(segmentOf(0).id, 0))?.data, "serving goes on").toEqual(
      sealedBlock(0, 0).data,
    );
    await onMasters("CONFIG", "SET", "maxmemory", "0");
    expect((await blocks.limits()).limitBytes).toBe(Number.POSITIVE_INFINITY);
    await blocks.unpin(segmentOf(0).id);
    expect(await blocks.putBlock(segmentOf(1000), 0, sealedBlock(1000, 0))).toBe("stored");
  });

  it("lets segments live as long as their age limit, and those with pins for ever", async () => {
    const clock = manualClock(1_700_000_000_000);
    const { blocks } = await open({ clock, maxAgeMs: 3_600_000 });
    const leftMs = async (n: number) => {
      // All but one say where to ask instead.
      const answers = (await onMasters("PTTL", keyOf(n))).map(Number);
      return answers.find((answer) => !Number.isNaN(answer)) ?? Number.NaN;
    };
    await blocks.putBlock(segmentOf(1), 0, sealedBlock(1, 0));
    expect(await leftMs(1)).toBeGreaterThan(3_500_000);
    await clock.advance(1_800_000);
    await blocks.putBlock(segmentOf(1), 1, sealedBlock(1, 1));
    await blocks.pin(segmentOf(1).id);
    expect(await leftMs(1)).toBe(-1);
    await blocks.unpin(segmentOf(1).id);
    expect(await leftMs(1), "counted from its first block").toBeLessThanOrEqual(1_800_000);
    await blocks.setLimits({ maxAgeMs: 7_200_000 });
    expect(await leftMs(1)).toBeGreaterThan(5_000_000);
    expect((await (await open()).blocks.limits()).maxAgeMs, "kept for every process").toBe(7_200_000);
    await expect(blocks.setLimits({ limitBytes: 1 })).rejects.toMatchObject({ code: "BC_STORE_INVALID" });
  });

  it("serves no byte that was changed in the engine, and takes the block anew", async () => {
    const { blocks, publications, observer } = await open();
    for (const index of [0, 1]) await blocks.putBlock(segmentOf(1), index, sealedBlock(1, index));
    await blocks.flush();
    await onMasters("HSET", keyOf(1), "b0", "something else");
    expect(await blocks.getBlock(segmentOf(1).id, 0)).toBeUndefined();
    expect(await blocks.heldBlocks(segmentOf(1).id)).toEqual([1]);
    expect(observer.events.map(({ name }) => name)).toContain("cache.corrupt");
    expect(await blocks.putBlock(segmentOf(1), 0, sealedBlock(1, 0))).toBe("stored");
    await blocks.flush();
    expect((await blocks.getBlock(segmentOf(1).id, 0))?.data).toEqual(sealedBlock(1, 0).data);

    await onMasters("HSET", keyOf(1), "m", "no head at all, of this or any other length");
    expect(await blocks.holds([segmentOf(1).id])).toEqual([undefined]);
    const other = await open();
    expect(await other.blocks.putBlock(segmentOf(1), 0, sealedBlock(1, 0))).toBe("stored");
    expect(await other.blocks.heldBlocks(segmentOf(1).id)).toEqual([0]);

    await publications.put("/a", { validator: "v", sizeBytes: 1, publications: [], createdMs: 1 });
    for (const node of cluster.masters) {
      for (const key of (await node.ask("KEYS", "branchcache:publication*")).split("\n").filter(Boolean)) {
        await node.ask("SETRANGE", key, "9", "X");
      }
    }
    expect(await publications.get("/a")).toBeUndefined();
  });

  it("sees several processes write one segment, each with what it knows", async () => {
    const [one, two] = [await open(), await open()];
    await Promise.all(
      numbers(40).map((index) => {
        const { blocks } = index % 2 === 0 ? one : two;
        return blocks.putBlock(
          { ...segmentOf(3), tags: [`tag-${index % 5}`] },
          index % 4,
          sealedBlock(3, index % 4),
        );
      }),
    );
    await Promise.all([one.blocks.flush(), two.blocks.flush()]);
    expect(await one.blocks.heldBlocks(segmentOf(3).id)).toEqual(numbers(4));
    expect([...((await two.blocks.segment(segmentOf(3).id))?.tags ?? [])].sort()).toEqual([
      "tag-0",
      "tag-1",
      "tag-2",
      "tag-3",
      "tag-4",
    ]);
    expect((await two.blocks.usage()).bytes).toBe(4 * SEALED_BYTES);
    await one.blocks.removeSegment(segmentOf(3).id);
    expect(await two.blocks.putBlock(segmentOf(3), 2, sealedBlock(3, 2)), "gone behind its back").toBe(
      "stored",
    );
    await two.blocks.flush();
    expect(await one.blocks.heldBlocks(segmentOf(3).id)).toEqual([2]);
  });

  it("never sees a secret: they lie in files of their own, 0600", async () => {
    const secretsPath = join(await temporaryDirectory(), "secrets");
    const { blocks, secrets, close } = await open({ secretsPath });
    const secret = new TextEncoder().encode("the secret of this very segment!");
    await secrets.put(segmentOf(1).id, secret);
    await blocks.putBlock(segmentOf(1), 0, sealedBlock(1, 0));
    await blocks.flush();
    for (const node of everybody) {
      const keys = (await node.ask("KEYS", "*")).split("\n").filter(Boolean);
      expect(keys.join(" ")).not.toContain("secret");
      for (const key of keys.filter((name) => name.includes("segment"))) {
        expect(await node.ask("HGETALL", key)).not.toContain("the secret");
      }
    }
    await close();
    expect((await stat(join(secretsPath, "data.mdb"))).mode & 0o777).toBe(0o600);
    const again = await open({ secretsPath });
    expect(await again.secrets.get(segmentOf(1).id)).toEqual(secret);
    await again.blocks.removeSegment(segmentOf(1).id);
    await again.blocks.flush();
    expect(await again.secrets.get(segmentOf(1).id), "goes with its segment").toBeUndefined();
  });

  it("misses at the deadline, not a millisecond before, then at once, until the node answers again", async () => {
    const clock = manualClock(1_700_000_000_000);
    const { blocks, observer } = await open({ clock, deadlineMs: 400 });
    await blocks.putBlock(segmentOf(1), 0, sealedBlock(1, 0));
    onTestFinished(() => cluster.masters.forEach((node) => void node.signal("SIGCONT")));
    for (const node of cluster.masters) node.signal("SIGSTOP");
    let answer: unknown = "none yet";
    const reading = blocks.getBlock(segmentOf(1).id, 0).then((block) => {
      answer = block;
    });
    await clock.advance(399);
    expect(answer).toBe("none yet");
    await clock.advance(1);
    await reading;
    expect(answer).toBeUndefined();
    expect(await blocks.getBlock(segmentOf(1).id, 0)).toBeUndefined();
    expect(await blocks.holds([segmentOf(1).id])).toEqual([undefined]);
    expect(await blocks.putBlock(segmentOf(1), 1, sealedBlock(1, 1))).toBe("full");
    expect(observer.events.filter(({ name }) => name === "cache.unreachable")).toHaveLength(1);
    for (const node of cluster.masters) node.signal("SIGCONT");
    await cluster.whole();
    while (!observer.events.some(({ name }) => name === "cache.reachable")) await clock.advance(50);
    expect(observer.events.at(-1)?.fields).toMatchObject({ missed: 3 });
    expect((await blocks.getBlock(segmentOf(1).id, 0))?.data).toEqual(sealedBlock(1, 0).data);
  });

  it("says what is wrong with settings, and with what is no cluster", async () => {
    const options = { clock: systemClock, nodes: cluster.nodes };
    for (const [more, what] of [
      [{ nodes: [] }, "no node"],
      [{ nodes: ["localhost"] }, '"localhost" is no node'],
      [{ nodes: ["a:b:6379"] }, "is no node"],
      [{ nodes: ["host:70000"] }, "is no node"],
      [{ keyPrefix: "{x}" }, "key prefix"],
      [{ deadlineMs: 0 }, "deadline of 0"],
      [{ replicas: 0.5 }, "0.5 replicas"],
      [{ maxAgeMs: -1 }, "age limit of -1"],
    ] as const) {
      const error: unknown = await openRedisStore({ ...options, ...more }).catch((reason: unknown) => reason);
      expect(errorCode(error)).toBe("BC_STORE_INVALID");
      expect(String(error)).toContain(what);
    }
    const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(
      0,
      "127.0.0.1",
    );
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const failure: unknown = await openRedisStore({ ...options, nodes: [`127.0.0.1:${port}`] }).catch(
      (reason: unknown) => reason,
    );
    expect(errorCode(failure)).toBe("BC_STORE_UNREACHABLE");
    expect(String(failure)).toContain(`127.0.0.1:${port}`);
  });

  it("wants the password that the cluster wants, and repeats it to nobody", async () => {
    await Promise.all(everybody.map((node) => node.ask("CONFIG", "SET", "masterauth", "opensesame")));
    await Promise.all(everybody.map((node) => node.ask("CONFIG", "SET", "requirepass", "opensesame")));
    try {
      for (const password of [undefined, "wrong"]) {
        const error: unknown = await open(password === undefined ? {} : { password }).catch(
          (reason: unknown) => reason,
        );
        expect(errorCode(error)).toBe("BC_STORE_UNREACHABLE");
        expect(String(error)).toMatch(/NOAUTH|WRONGPASS/);
        expect(String(error)).not.toContain("wrong");
      }
      const { blocks } = await open({ password: "opensesame" });
      expect(await blocks.putBlock(segmentOf(1), 0, sealedBlock(1, 0))).toBe("stored");
    } finally {
      await Promise.all(
        everybody.map((node) => node.ask("-a", "opensesame", "CONFIG", "SET", "requirepass", "")),
      );
    }
  });
});
