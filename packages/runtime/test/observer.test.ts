import { describe, expect, it } from "vitest";
import { combineObservers, type Observer, silentObserver } from "../src/index.ts";
import { recordingObserver } from "../src/testing.ts";

function report(observer: Observer): void {
  observer.event("info", "service.started", { port: 80 });
  observer.event("warn", "cache.full");
  observer.count("served_bytes_total", 10, { role: "peer", protocol: "1" });
  observer.count("served_bytes_total", 5, { role: "peer", protocol: "2" });
  observer.count("served_bytes_total", 1);
  observer.measure("peers", 3, { kind: "seen" });
  observer.measure("peers", 4, { kind: "seen" });
  observer.measure("peers", 9, { kind: "seen", link: "eth0" });
}

describe("recordingObserver", () => {
  const observer = recordingObserver();
  report(observer);

  it("keeps events in order, and finds them by name", () => {
    expect(observer.events).toEqual([
      { level: "info", name: "service.started", fields: { port: 80 } },
      { level: "warn", name: "cache.full", fields: {} },
    ]);
    expect(observer.named("cache.full")).toHaveLength(1);
    expect(observer.named("cache.loaded")).toEqual([]);
  });

  it("sums a counter over every set of labels that has those asked for", () => {
    expect(observer.total("served_bytes_total")).toBe(16);
    expect(observer.total("served_bytes_total", { role: "peer" })).toBe(15);
    expect(observer.total("served_bytes_total", { role: "peer", protocol: "2" })).toBe(5);
    expect(observer.total("served_bytes_total", { role: "hosted" })).toBe(0);
    expect(observer.total("reads_total")).toBe(0);
  });

  it("tells the last value under exactly those labels", () => {
    expect(observer.last("peers", { kind: "seen" })).toBe(4);
    expect(observer.last("peers", { kind: "seen", link: "eth0" })).toBe(9);
    expect(observer.last("peers")).toBeUndefined();
  });
});

describe("combineObservers", () => {
  it("reports to all, silent ones among them", () => {
    const [one, two] = [recordingObserver(), recordingObserver()];
    report(combineObservers(one, silentObserver, two));
    for (const observer of [one, two]) {
      expect(observer.events).toHaveLength(2);
      expect(observer.total("served_bytes_total")).toBe(16);
      expect(observer.last("peers", { kind: "seen" })).toBe(4);
    }
  });
});
