import type { Observer } from "@branchcache/runtime";
import { manualClock } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { SelfChecks } from "../../src/daemon/self-checks.ts";
import { bad, type Finding, good } from "../../src/doctor/finding.ts";

/** The rounds of checks find these, one after another; an error is one that could not be made. */
function checking(rounds: readonly (readonly Finding[] | Error)[]) {
  const clock = manualClock();
  const events: unknown[] = [];
  const observer: Observer = {
    event: (level, name, fields) => events.push([level, name, fields]),
    count() {},
    measure() {},
  };
  let made = 0;
  const check = async () => {
    const found = rounds[made++] ?? [];
    if (found instanceof Error) throw found;
    return found;
  };
  return { clock, events, made: () => made, checks: new SelfChecks(check, clock, observer) };
}

it("checks three seconds after the start, then every quarter of an hour, until it is stopped", async () => {
  const found = [good("mode", "mode is local")];
  const { clock, made, checks } = checking([new Error("no such disk"), found]);
  checks.schedule();
  await clock.advance(2_999);
  expect(made()).toBe(0);
  await clock.advance(1);
  expect([made(), checks.findings]).toEqual([1, []]);
  await clock.advance(15 * 60_000);
  expect([made(), checks.findings]).toEqual([2, found]);
  checks.stop();
  expect(clock.pending).toBe(0);
});

it("reports what is bad as events, each under its own name", async () => {
  const { events, checks } = checking([
    [
      good("mode", "mode is local"),
      bad("proxy", "none asked", "serve by HTTPS"),
      bad("disk", "full", "make room", "cache.compact_advised"),
    ],
  ]);
  await checks.run();
  expect(events).toEqual([
    ["warn", "doctor.found", { check: "proxy", reason: "none asked", cure: "serve by HTTPS" }],
    ["warn", "cache.compact_advised", { check: "disk", reason: "full", cure: "make room" }],
  ]);
});
