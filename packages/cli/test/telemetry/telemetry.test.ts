import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventFields } from "@branchcache/runtime";
import { silentObserver } from "@branchcache/runtime";
import { manualClock } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { Downloads } from "../../src/telemetry/downloads.ts";
import { History, savedBytes } from "../../src/telemetry/history.ts";
import { Journal } from "../../src/telemetry/journal.ts";
import { METRICS } from "../../src/telemetry/metric-table.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { PeerBook } from "../../src/telemetry/peer-book.ts";
import { rollUp } from "../../src/telemetry/roll-up.ts";

describe("metrics", () => {
  it("are named and typed as Prometheus wants them", async () => {
    const { registry } = new Metrics();
    const text = await registry.metrics();
    for (const [name, { type }] of Object.entries(METRICS)) {
      expect(text).toContain(`# TYPE branchcache_${name} ${type}`);
      expect(name.endsWith("_total"), name).toBe(type === "counter");
    }
  });

  it("count by label, and take no label that is not declared", async () => {
    const metrics = new Metrics();
    metrics.count("retrieval_bytes_total", 3, { source: "peer", nonsense: "x" });
    metrics.count("retrieval_bytes_total", 4, { source: "peer" });
    metrics.count("retrieval_bytes_total", 5, { source: "origin" });
    metrics.count("retrieval_bytes_total", -1, { source: "origin" });
    expect(metrics.by("retrieval_bytes_total", "source")).toEqual({ peer: 7, origin: 5 });
    expect(metrics.sum("retrieval_bytes_total")).toBe(12);
    metrics.measure("cache_limit_bytes", 3, { cache: "data" });
    metrics.measure("cache_limit_bytes", 2, { cache: "data" });
    for (let asked = 0; asked < 2; asked++) {
      const text = await metrics.registry.metrics();
      expect(text).toContain('branchcache_retrieval_bytes_total{source="peer"} 7\n');
      expect(text).toContain('branchcache_cache_limit_bytes{cache="data"} 2\n');
    }
    metrics.forget("cache_limit_bytes");
    expect(await metrics.registry.metrics()).not.toContain("branchcache_cache_limit_bytes{");
  });

  it("smooth the time to the first answer", () => {
    const metrics = new Metrics();
    metrics.measure("discovery_seconds", 0.1);
    metrics.measure("discovery_seconds", 0.9);
    expect(metrics.sum("discovery_weighted_seconds")).toBeCloseTo(0.2);
  });
});

describe("history", () => {
  it("of a hosted cache: what it gave was saved, and not what it pulled", async () => {
    const metrics = new Metrics();
    const history = await History.start(metrics, manualClock(), undefined);
    metrics.count("retrieval_bytes_total", 9_000, { source: "peer", app: "pull" });
    metrics.count("served_bytes_total", 20_000, { to: "hosted" });
    metrics.count("served_bytes_total", 4_000, { to: "peer" });
    expect(history.all).toMatchObject({ bytes: { peer: 0 }, served: 24_000, hostedServed: 20_000 });
    expect(savedBytes(history.all)).toBe(20_000);
    await history.stop();
  });

  it("samples rates, and keeps totals over a restart and days apart", async () => {
    const directory = await mkdtemp(join(tmpdir(), "branchcache-history-"));
    const file = join(directory, "totals.json");
    const clock = manualClock();
    const metrics = new Metrics();
    const history = await History.start(metrics, clock, file);
    metrics.count("retrieval_bytes_total", 50_000, { source: "peer" });
    metrics.count("retrieval_bytes_total", 10_000, { source: "origin" });
    await clock.advance(5_000);
    expect(history.samples.at(-1)?.rates).toEqual({ local: 0, peer: 10_000, hosted: 0, origin: 2_000 });
    expect(savedBytes(history.today)).toBe(50_000);
    await clock.advance(86_400_000);
    expect(savedBytes(history.today)).toBe(0);
    expect(savedBytes(history.all)).toBe(50_000);
    expect(history.samples.length).toBeLessThanOrEqual(720);
    await history.stop();

    const later = new Metrics();
    const again = await History.start(later, clock, file);
    later.count("retrieval_bytes_total", 1, { source: "local" });
    expect(savedBytes(again.all)).toBe(50_001);
    again.clear();
    later.reset();
    expect(savedBytes(again.all)).toBe(0);
    await again.stop();
    await rm(directory, { recursive: true });
  });
});

describe("the journal", () => {
  it("keeps the latest, and traces only for who follows", () => {
    const journal = new Journal(manualClock());
    journal.event("trace", "block.sent");
    for (let i = 0; i < 1_200; i++) journal.event("info", "publish.done", { i });
    expect(journal.latest()).toHaveLength(1_000);
    expect(journal.latest(1)[0]?.fields).toEqual({ i: 1_199 });
    expect(journal.latest(0)).toEqual([]);
    journal.event("debug", "hosted.pulled");
    journal.event("warn", "hosted.pull_failed");
    journal.event("debug", "hosted.pulled");
    expect(journal.latest(1, (level) => level !== "debug")).toMatchObject([{ event: "hosted.pull_failed" }]);
    const seen: string[] = [];
    const stop = journal.follow(({ event }) => seen.push(event));
    journal.event("trace", "block.sent");
    stop();
    journal.event("trace", "block.received");
    expect(seen).toEqual(["block.sent"]);
  });

  it("is told once a minute what repeats itself", async () => {
    const clock = manualClock();
    const told: EventFields[] = [];
    const observer = rollUp(
      { ...silentObserver, event: (_level, _name, fields = {}) => told.push(fields) },
      clock,
    );
    for (let i = 0; i < 5; i++) observer.event("warn", "cache.full", { reason: "disk" });
    observer.event("warn", "cache.full", { reason: "limit" });
    expect(told).toEqual([{ reason: "disk" }, { reason: "limit" }]);
    await clock.advance(60_000);
    observer.event("warn", "cache.full", { reason: "disk" });
    expect(told.at(-1)).toEqual({ reason: "disk", repeated: 4 });
    for (let i = 0; i < 3; i++) observer.event("info", "publish.done", {});
    expect(told).toHaveLength(6);
    // A full disk is told of once, and not for each segment.
    for (const segment of ["a", "b", "c"])
      observer.event("warn", "cache.save_failed", { segment, error: "full" });
    expect(told.slice(6)).toEqual([{ segment: "a", error: "full" }]);
  });
});

describe("the book of peers", () => {
  it("knows what each gave, how fast, and until when it is left alone", async () => {
    const clock = manualClock();
    const book = new PeerBook(clock, () => 600_000);
    const give = (bytes: number) =>
      book.event("trace", "block.received", { peer: "urn:a", kind: "peer", address: "10.0.0.1:80", bytes });
    give(1_000);
    await clock.advance(1_000);
    give(1_000);
    book.event("debug", "peer.request_failed", { peer: "urn:b", reason: "lost" });
    book.event("warn", "peer.quarantined", { peer: "urn:b", reason: "lie" });
    expect(book.list()).toMatchObject([
      { id: "urn:b", failures: 1, quarantineReason: "lie" },
      { id: "urn:a", address: "10.0.0.1:80", bytes: 2_000, blocks: 2, bytesPerSecond: 2_000 },
    ]);
    await clock.advance(600_001);
    expect(book.list()[0]?.quarantinedUntilMs).toBeUndefined();
    for (let i = 0; i < 400; i++) book.event("debug", "peer.request_failed", { peer: `urn:${i}` });
    expect(book.list()).toHaveLength(256);
  });
});

describe("the list of downloads", () => {
  it("shows no query and no user information, whatever a caller named", () => {
    const downloads = new Downloads();
    downloads.begin("https://user:pass@host/a/b?token=1#x", 10, 0).end(5, undefined);
    downloads.begin("some name?token=1", 10, 0);
    for (let i = 0; i < 60; i++) downloads.begin(undefined, 1, 0);
    expect(downloads.list()).toHaveLength(50);
    const names = new Downloads();
    names.begin("https://user:pass@host/a/b?token=1#x", 10, 0);
    names.begin("some name?token=1", 10, 0);
    expect(names.list().map(({ name }) => name)).toEqual(["some name", "https://host/a/b"]);
  });
});
