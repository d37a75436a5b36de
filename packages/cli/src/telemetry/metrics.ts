/** Counters and gauges of the daemon: kept by prom-client, read by /metrics, `stats` and the dashboard. */
import type { MetricLabels, MetricName, Observer } from "@branchcache/runtime";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { METRICS, type MetricDeclaration } from "./metric-table.ts";

const PREFIX = "branchcache_";

export class Metrics implements Observer {
  readonly registry: Registry = new Registry();
  readonly #metrics = new Map<MetricName, Counter | Gauge | Histogram>();
  /** Sums and last values by metric and labels, since prom-client gives its own only by promises. */
  readonly #values = new Map<MetricName, Map<string, { readonly labels: MetricLabels; value: number }>>();
  #weightedSeconds: number | undefined;

  constructor() {
    for (const [name, declaration] of Object.entries(METRICS) as [MetricName, MetricDeclaration][]) {
      const { help, labels, type, buckets } = declaration;
      const options = { name: PREFIX + name, help, labelNames: [...labels], registers: [this.registry] };
      if (type === "counter") this.#metrics.set(name, new Counter(options));
      else if (type === "gauge") this.#metrics.set(name, new Gauge(options));
      else this.#metrics.set(name, new Histogram({ ...options, buckets: [...(buckets ?? [])] }));
    }
  }

  event(): void {}

  count(name: MetricName, delta: number, labels: MetricLabels = {}): void {
    const metric = this.#metrics.get(name);
    if (!(metric instanceof Counter) || !(delta >= 0)) return;
    const known = declared(name, labels);
    metric.inc(known, delta);
    const entry = this.#entry(name, known);
    entry.value += delta;
  }

  measure(name: MetricName, value: number, labels: MetricLabels = {}): void {
    const metric = this.#metrics.get(name);
    const known = declared(name, labels);
    if (metric instanceof Gauge) metric.set(known, value);
    else if (metric instanceof Histogram) metric.observe(known, value);
    else return;
    this.#entry(name, known).value = value;
    if (name === "discovery_seconds") {
      const before = this.#weightedSeconds ?? value;
      this.#weightedSeconds = before + WEIGHT * (value - before);
      this.measure("discovery_weighted_seconds", this.#weightedSeconds);
    }
  }

  /** Each with labels that agree with those given. */
  list(
    name: MetricName,
    labels: MetricLabels = {},
  ): readonly { readonly labels: MetricLabels; readonly value: number }[] {
    return [...(this.#values.get(name)?.values() ?? [])].filter((entry) =>
      Object.entries(labels).every(([label, value]) => entry.labels[label] === value),
    );
  }

  /** Of a counter the sum, of a gauge the last values' sum, over all labels that agree with those given. */
  sum(name: MetricName, labels: MetricLabels = {}): number {
    return this.list(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  /** Sums by the values of one label. */
  by(name: MetricName, label: string): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { labels, value } of this.#values.get(name)?.values() ?? []) {
      const key = labels[label] ?? "";
      sums[key] = (sums[key] ?? 0) + value;
    }
    return sums;
  }

  /** Everything to zero; gauges come back with the next measurement. */
  reset(): void {
    this.registry.resetMetrics();
    this.#values.clear();
    this.#weightedSeconds = undefined;
  }

  #entry(name: MetricName, labels: MetricLabels): { readonly labels: MetricLabels; value: number } {
    let entries = this.#values.get(name);
    if (!entries) {
      entries = new Map();
      this.#values.set(name, entries);
    }
    let key = "";
    for (const label of METRICS[name].labels) key += `${labels[label] ?? ""}\n`;
    let entry = entries.get(key);
    if (!entry) {
      entry = { labels, value: 0 };
      entries.set(key, entry);
    }
    return entry;
  }
}

/** An eighth of each new one, as round trips are smoothed. */
const WEIGHT = 1 / 8;

/** A label that is not declared would make the metric throw in the middle of a download. */
function declared(name: MetricName, labels: MetricLabels): Record<string, string> {
  const known: Record<string, string> = {};
  for (const label of METRICS[name].labels) {
    const value = labels[label];
    if (value !== undefined) known[label] = value;
  }
  return known;
}
