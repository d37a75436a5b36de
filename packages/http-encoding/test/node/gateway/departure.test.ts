import { describe, expect, it } from "vitest";
import { Departure } from "../../../src/node/gateway/departure.ts";

describe("departure", () => {
  it("tells those who listen, once, and a signal made before or after", () => {
    const departure = new Departure();
    const told: string[] = [];
    const early = departure.signal;
    departure.addEventListener("abort", () => told.push("a"));
    const gone = () => told.push("b");
    departure.addEventListener("abort", gone);
    departure.removeEventListener("abort", gone);
    departure.leave(new Error("gone"));
    departure.leave(new Error("again"));
    const late = new Departure();
    late.leave(new Error("gone"));
    expect(told).toEqual(["a"]);
    expect([departure.aborted, early.aborted, late.signal.aborted]).toEqual([true, true, true]);
    expect(departure.reason).toEqual(new Error("gone"));
  });
});
