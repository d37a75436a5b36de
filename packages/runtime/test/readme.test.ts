/** The examples of the README. */

import { type Decoded, decode, encode, list, struct, u8, u16be, u32le } from "@branchcache/runtime";
import { manualClock } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";

describe("the README's examples", () => {
  it("a report is written and read", () => {
    const reading = struct("Reading", { sensor: u8, value: u32le });
    const report = struct("Report", { version: u16be, readings: list(u8, reading, { max: 16 }) });
    type Report = Decoded<typeof report>;

    const bytes = encode(report, { version: 1, readings: [{ sensor: 7, value: 300 }] });
    const value: Report = decode(report, bytes);
    expect(value).toEqual({ version: 1, readings: [{ sensor: 7, value: 300 }] });
  });

  it("a test stands one millisecond before a deadline, then on it", async () => {
    const clock = manualClock();
    const deadline = clock.deadline(300);
    await clock.advance(299);
    expect(deadline.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(deadline.signal.aborted).toBe(true);
  });
});
