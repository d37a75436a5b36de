import type { Stores } from "@branchcache/cache-store";
import { openRedisStore } from "@branchcache/cache-store/redis";
import { equalBytes, errorCode } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { type RecordedEvent, recordingObserver } from "@branchcache/runtime/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { startRedisCluster } from "../../../../test/support/redis-cluster.mjs";
import { requirement } from "../../../../test/support/requires.ts";
import { BLOCKS, sealedBlock, segmentOf } from "../helpers/content.mjs";

const redis = requirement("redis-server");
/** Enough that every master has some. */
const SEGMENTS_A_ROUND = 12;

describe.skipIf(!redis.ok)("when a master of a Redis cluster is killed", () => {
  it("gives no wrong byte, loses no block that was flushed, says so, and goes on when the replica has taken over", async () => {
    const cluster = await startRedisCluster(redis.path);
    onTestFinished(() => cluster.close());
    const open = async (deadlineMs = 500) => {
      const observer = recordingObserver();
      const stores = await openRedisStore({
        nodes: cluster.nodes,
        clock: systemClock,
        deadlineMs,
        observer,
      });
      onTestFinished(() => stores.close());
      return { ...stores, observer };
    };
    const [writer, reader] = [await open(), await open()];
    /** Segments whose every block was acknowledged by master and replica. */
    const promised: number[] = [];
    let next = 0;
    const failures = new Set<unknown>();
    // Others may be late as well, on a busy machine.
    const ofKilled = ({ fields }: RecordedEvent) => fields["node"] === cluster.nodes[0];

    const writeRound = async () => {
      const round = Array.from({ length: SEGMENTS_A_ROUND }, () => next++);
      const results = await Promise.all(
        round.flatMap((n) =>
          Array.from({ length: BLOCKS }, (_, index) =>
            writer.blocks.putBlock(segmentOf(n), index, sealedBlock(n, index)),
          ),
        ),
      );
      const isFlushed = await writer.blocks.flush().then(
        () => true,
        (error: unknown) => failures.add(errorCode(error)) && false,
      );
      if (isFlushed && !results.includes("full")) promised.push(...round);
      return new Set(results);
    };
    /** Every block is right or a miss; gives the segments that are whole. */
    const readAll = async ({ blocks }: Stores, numbers: readonly number[]) => {
      const whole = await Promise.all(
        numbers.map(async (n) => {
          let found = 0;
          for (let index = 0; index < BLOCKS; index++) {
            const block = await blocks.getBlock(segmentOf(n).id, index);
            if (!block) continue;
            expect(equalBytes(block.data, sealedBlock(n, index).data), `segment ${n}, block ${index}`).toBe(
              true,
            );
            found++;
          }
          return found === BLOCKS;
        }),
      );
      return numbers.filter((_, i) => whole[i]);
    };

    while (promised.length < 5 * SEGMENTS_A_ROUND) await writeRound();
    const sizes = (nodes: typeof cluster.masters | typeof cluster.replicas) =>
      Promise.all(nodes.map((node) => node.ask("DBSIZE")));
    expect(await sizes(cluster.replicas), "of replicas that are new too").toEqual(
      await sizes(cluster.masters),
    );

    const rounds = [writeRound(), writeRound()];
    cluster.masters[0]?.signal("SIGKILL");
    await Promise.all(rounds);
    // Writing and reading go on all the while.
    const isBack = () =>
      [writer, reader].every(({ observer }) => observer.named("cache.reachable").some(ofKilled));
    while (!isBack()) {
      await writeRound();
      await readAll(reader, promised);
    }
    await cluster.whole();

    for (const { observer } of [writer, reader]) {
      expect(observer.named("cache.unreachable").some(ofKilled)).toBe(true);
      const back = observer.named("cache.reachable").find(ofKilled);
      expect(cluster.nodes.slice(3), "the replica has taken over").toContain(back?.fields["now"]);
    }
    expect([...failures], "what was not acknowledged was said").toEqual(["BC_STORE_UNREACHABLE"]);
    // In no hurry, and asked again by newcomers: a client that came while the nodes still told each other who owns
    // what may miss a block that is there. What every one of them misses is lost.
    let witness = await open(30_000);
    for (let more = 20; more > 0 && (await readAll(witness, promised)).length < promised.length; more--) {
      witness = await open(30_000);
    }
    expect(await readAll(witness, promised)).toEqual(promised);
    for (let n = next; n < next + SEGMENTS_A_ROUND; n++) {
      expect(await witness.blocks.putBlock(segmentOf(n), 0, sealedBlock(n, 0)), "every slot is served").toBe(
        "stored",
      );
    }
  });
});
