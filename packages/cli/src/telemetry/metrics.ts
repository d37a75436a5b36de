/** Counters and gauges of the daemon: kept by prom-client, read by /metrics, `stats` and the dashboard. */
import type { MetricLabels, MetricName, Observer } from "@branchcache/runtime";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { METRICS, type MetricDeclaration } from "./metric-table.ts";

const PREFIX = "branchcache_";

interface Series {
  readonly labels: Record<string, string>;
  value: number;
}

export class Metrics implements Observer {
  readonly registry: Registry = new Registry();
  readonly #histograms = new Map<MetricName, Histogram>();
  /**
   * Sums and last values, by the values of their labels. Several are counted for each block, so counting does no more
   * than this; prom-client's counters and gauges are filled from here when somebody reads them.
   */
  readonly #series = new Map<MetricName, Map<string, Series>>();
  #weightedSeconds: number | undefined;

  constructor() {
    for (const [name, declaration] of Object.entries(METRICS) as [MetricName, MetricDeclaration][]) {
      const { help, labels, type, buckets } = declaration;
      const options = { name: PREFIX + name, help, labelNames: [...labels], registers: [this.registry] };
      const series = new Map<string, Series>();
      this.#series.set(name, series);
      if (type === "counter") {
        new Counter({
          ...options,
          collect() {
            this.reset();
            for (const each of series.values()) this.inc(each.labels, each.value);
          },
        });
      } else if (type === "gauge") {
        new Gauge({
          ...options,
          collect() {
            this.reset();
            for (const each of series.values()) this.set(each.labels, each.value);
          },
        });
      } else this.#histograms.set(name, new Histogram({ ...options, buckets: [...(buckets ?? [])] }));
    }
  }

  event(): void {}

  count(name: MetricName, delta: number, labels: MetricLabels = NO_LABELS): void {
    if (METRICS[name].type === "counter" && delta >= 0) this.#seriesOf(name, labels).value += delta;
  }

  measure(name: MetricName, value: number, labels: MetricLabels = NO_LABELS): void {
    if (METRICS[name].type === "counter") return;
    const series = this.#seriesOf(name, labels);
    series.value = value;
    this.#histograms.get(name)?.observe(series.labels, value);
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
    return [...(this.#series.get(name)?.values() ?? [])].filter((entry) =>
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
    for (const { labels, value } of this.#series.get(name)?.values() ?? []) {
      const key = labels[label] ?? "";
      sums[key] = (sums[key] ?? 0) + value;
    }
    return sums;
  }

  /** Everything to zero; gauges come back with the next measurement. */
  reset(): void {
    this.registry.resetMetrics();
    for (const name of this.#series.keys()) this.forget(name);
    this.#weightedSeconds = undefined;
  }

  /** As if it had never been counted or measured. */
  forget(name: MetricName): void {
    this.#series.get(name)?.clear();
  }

  /** Labels that are not declared are left out: prom-client would throw, in the middle of a download. */
  #seriesOf(name: MetricName, labels: MetricLabels): Series {
    const declared = METRICS[name].labels;
    const all = this.#series.get(name) ?? new Map<string, Series>();
    let key = "";
    for (const label of declared) key += `${labels[label] ?? ""}\0`;
    const known = all.get(key);
    if (known) return known;
    const given = declared.flatMap((label) => (labels[label] === undefined ? [] : [[label, labels[label]]]));
    const series: Series = { labels: Object.fromEntries(given), value: 0 };
    all.set(key, series);
    return series;
  }
}

const NO_LABELS: MetricLabels = {};
/** Of a new value in the running mean: an eighth, as TCP smooths round-trip times. */
const WEIGHT = 1 / 8;
