import type { SegmentId } from "@branchcache/content-info";
import { manualClock } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { ProbeCrowd } from "../src/probe-crowd.ts";

const idOf = (n: number) => new Uint8Array([n >> 8, n]) as SegmentId;

it("three others within ten seconds are a crowd, however often one of them asks", async () => {
  const clock = manualClock();
  const crowd = new ProbeCrowd(clock);
  for (const from of ["a", "b", "a", "b"]) crowd.note([idOf(1), idOf(2)], from);
  expect(crowd.wants([idOf(1)])).toBe(false);
  await clock.advance(9_999);
  crowd.note([idOf(2)], "c");
  expect([crowd.wants([idOf(1)]), crowd.wants([idOf(2)]), crowd.wants([idOf(3)])]).toEqual([
    false,
    true,
    false,
  ]);
  await clock.advance(1);
  expect(crowd.wants([idOf(2)])).toBe(false);
  for (const from of ["d", "a"]) crowd.note([idOf(2)], from);
  expect(crowd.wants([idOf(2)])).toBe(true);
});

it("takes the two addresses of one machine for one asker", () => {
  const crowd = new ProbeCrowd(manualClock());
  for (const from of ["10.0.0.1", "fe80::1%eth0", "10.0.0.2", "fe80::2%eth0"]) crowd.note([idOf(1)], from);
  expect(crowd.wants([idOf(1)])).toBe(false);
  crowd.note([idOf(1)], "fe80::3%eth0");
  expect(crowd.wants([idOf(1)])).toBe(true);
});

it("remembers no more than the segments asked for last", () => {
  const crowd = new ProbeCrowd(manualClock());
  const ask = (n: number) => {
    for (const from of ["a", "b", "c"]) crowd.note([idOf(n)], from);
  };
  for (let n = 0; n < 4_096; n++) ask(n);
  ask(0);
  ask(4_096);
  expect([0, 1, 2, 4_096].map((n) => crowd.wants([idOf(n)]))).toEqual([true, false, true, true]);
});
