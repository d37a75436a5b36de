import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Clock, isTimeout, timeoutReason } from "../src/index.ts";
import { systemClock } from "../src/node.ts";
import { manualClock } from "../src/testing.ts";
import { countingSignal } from "./support.ts";

interface Driven {
  readonly clock: Clock;
  advance(ms: number): Promise<void>;
  pending(): number;
}

/** The same rules hold for both; the system's timers are driven by the test runner. */
const clocks: readonly (readonly [string, () => Driven])[] = [
  [
    "manualClock",
    () => {
      const clock = manualClock();
      return { clock, advance: (ms) => clock.advance(ms), pending: () => clock.pending };
    },
  ],
  [
    "systemClock",
    () => ({
      clock: systemClock,
      advance: async (ms) => {
        await vi.advanceTimersByTimeAsync(ms);
      },
      pending: () => vi.getTimerCount(),
    }),
  ],
];

describe.each(clocks)("%s", (name, make) => {
  let driven: Driven;

  beforeEach(() => {
    if (name === "systemClock") {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
    }
    driven = make();
    return () => {
      expect(driven.pending()).toBe(0);
      vi.useRealTimers();
    };
  });

  const outcome = (work: Promise<void>) => {
    const seen: { state: "pending" | "done" | "failed"; reason?: unknown } = { state: "pending" };
    work.then(
      () => {
        seen.state = "done";
      },
      (reason: unknown) => {
        seen.state = "failed";
        seen.reason = reason;
      },
    );
    return seen;
  };

  it("wall and monotonic time move together", async () => {
    const { clock, advance } = driven;
    const [wallMs, monotonicMs] = [clock.wallMs(), clock.monotonicMs()];
    await advance(1500);
    expect(clock.wallMs() - wallMs).toBe(1500);
    expect(clock.monotonicMs() - monotonicMs).toBe(1500);
  });

  it("after: one millisecond before, then on it", async () => {
    const fn = vi.fn();
    driven.clock.after(100, fn);
    await driven.advance(99);
    expect(fn).not.toHaveBeenCalled();
    await driven.advance(1);
    expect(fn).toHaveBeenCalledOnce();
    await driven.advance(1000);
    expect(fn).toHaveBeenCalledOnce();
  });

  it("after: cancelled, twice too, it never runs", async () => {
    const fn = vi.fn();
    const cancel = driven.clock.after(100, fn);
    cancel();
    cancel();
    expect(driven.pending()).toBe(0);
    await driven.advance(200);
    expect(fn).not.toHaveBeenCalled();
  });

  it("after: a negative delay is none", async () => {
    const fn = vi.fn();
    driven.clock.after(-5, fn);
    expect(fn).not.toHaveBeenCalled();
    await driven.advance(1);
    expect(fn).toHaveBeenCalledOnce();
  });

  it("after: is never early, whatever the fraction", async () => {
    const { clock, advance } = driven;
    const startMs = clock.monotonicMs();
    let firedMs = 0;
    clock.after(10.4, () => {
      firedMs = clock.monotonicMs() - startMs;
    });
    await advance(20);
    expect(firedMs).toBeGreaterThanOrEqual(10.4);
  });

  it("after: waits longer than 2^31 ms", async () => {
    const fn = vi.fn();
    driven.clock.after(2 ** 32, fn);
    await driven.advance(2 ** 32 - 1);
    expect(fn).not.toHaveBeenCalled();
    await driven.advance(1);
    expect(fn).toHaveBeenCalledOnce();
  });

  it("sleep: resolves on time, and lets go of the signal", async () => {
    const { controller, listeners } = countingSignal();
    const sleep = outcome(driven.clock.sleep(100, controller.signal));
    expect(listeners()).toBe(1);
    await driven.advance(99);
    expect(sleep.state).toBe("pending");
    await driven.advance(1);
    expect(sleep.state).toBe("done");
    expect(listeners()).toBe(0);
  });

  it("sleep: aborted, it rejects with the reason at once and leaves no timer", async () => {
    const controller = new AbortController();
    const sleep = driven.clock.sleep(100, controller.signal);
    controller.abort("enough");
    expect(driven.pending()).toBe(0);
    await expect(sleep).rejects.toBe("enough");
  });

  it("sleep: with a signal aborted before, starts no timer and adds no listener", async () => {
    const { controller, listeners } = countingSignal();
    controller.abort("before");
    const sleep = driven.clock.sleep(100, controller.signal);
    expect(driven.pending()).toBe(0);
    expect(listeners()).toBe(0);
    await expect(sleep).rejects.toBe("before");
  });

  it("deadline: fires on time with a TimeoutError, and lets go of the parent", async () => {
    const { controller, listeners } = countingSignal();
    const deadline = driven.clock.deadline(100, controller.signal);
    expect(listeners()).toBe(1);
    await driven.advance(99);
    expect(deadline.signal.aborted).toBe(false);
    await driven.advance(1);
    expect(deadline.signal.aborted).toBe(true);
    expect(isTimeout(deadline.signal.reason)).toBe(true);
    expect(listeners()).toBe(0);
  });

  it("deadline: the parent's abort passes on with its reason and drops the timer", () => {
    const controller = new AbortController();
    const deadline = driven.clock.deadline(100, controller.signal);
    controller.abort("parent");
    expect(deadline.signal.reason).toBe("parent");
    expect(driven.pending()).toBe(0);
  });

  it("deadline: of a parent aborted before is aborted from the start", () => {
    const { controller, listeners } = countingSignal();
    controller.abort("before");
    const deadline = driven.clock.deadline(100, controller.signal);
    expect(deadline.signal.reason).toBe("before");
    expect(driven.pending()).toBe(0);
    expect(listeners()).toBe(0);
  });

  it.each(["cancel", "dispose"] as const)("deadline: %s leaves no timer and no listener", async (how) => {
    const { controller, listeners } = countingSignal();
    const deadline = driven.clock.deadline(100, controller.signal);
    if (how === "cancel") deadline.cancel();
    else deadline[Symbol.dispose]();
    deadline.cancel();
    expect(driven.pending()).toBe(0);
    expect(listeners()).toBe(0);
    await driven.advance(200);
    controller.abort("late");
    expect(deadline.signal.aborted).toBe(false);
  });

  it("a deadline ends a sleep", async () => {
    const deadline = driven.clock.deadline(50);
    const sleep = outcome(driven.clock.sleep(100, deadline.signal));
    await driven.advance(50);
    expect(sleep.state).toBe("failed");
    expect(isTimeout(sleep.reason)).toBe(true);
  });
});

describe("manualClock", () => {
  it("starts at the wall time it is given", () => {
    expect(manualClock(5000).wallMs()).toBe(5000);
    expect(manualClock().wallMs()).toBe(Date.UTC(2026, 0, 1));
  });

  it("runs timers by due time, then in the order they were set, at their own time", async () => {
    const clock = manualClock();
    const ran: string[] = [];
    const note = (label: string) => () => ran.push(`${label}@${clock.monotonicMs()}`);
    clock.after(20, note("c"));
    clock.after(10, note("a"));
    clock.after(10, note("b"));
    await clock.advance(30);
    expect(ran).toEqual(["a@10", "b@10", "c@20"]);
    expect(clock.monotonicMs()).toBe(30);
  });

  it("runs what timers and promises set on the way, when it falls due before the end", async () => {
    const clock = manualClock();
    const ran: number[] = [];
    const loop = async () => {
      for (let round = 0; round < 5; round++) {
        await clock.sleep(10);
        ran.push(clock.monotonicMs());
      }
    };
    const done = loop();
    await clock.advance(30);
    expect(ran).toEqual([10, 20, 30]);
    expect(clock.nextInMs).toBe(10);
    await clock.advance(20);
    await done;
    expect(clock.pending).toBe(0);
    expect(clock.nextInMs).toBeUndefined();
  });

  it("settle lets promises run and time stand", async () => {
    const clock = manualClock();
    let settled = false;
    void Promise.resolve().then(() => {
      settled = true;
    });
    await clock.settle();
    expect(settled).toBe(true);
    expect(clock.monotonicMs()).toBe(0);
  });
});

describe("timeoutReason", () => {
  it("is told apart from any other reason", () => {
    expect(isTimeout(timeoutReason(5))).toBe(true);
    expect(timeoutReason(5).message).toContain("5 ms");
    for (const other of [undefined, "TimeoutError", new Error("no"), new DOMException("x", "AbortError")]) {
      expect(isTimeout(other)).toBe(false);
    }
  });
});

it("the system's clock does what is due at once in the next turn, unless it is cancelled", async () => {
  const done: string[] = [];
  systemClock.after(0, () => done.push("cancelled"))();
  systemClock.after(0, () => done.push("ours"));
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toEqual(["ours"]);
});
