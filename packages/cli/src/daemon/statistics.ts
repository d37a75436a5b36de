/** What was saved, and everything that `stats` and the dashboard show beside it. */
import type { MetricName } from "@branchcache/runtime";
import { type History, savedBytes, type Totals } from "../telemetry/history.ts";
import { METRICS } from "../telemetry/metric-table.ts";
import type { Metrics } from "../telemetry/metrics.ts";

interface PeriodStatistics {
  /** Bytes that did not cross the WAN. */
  readonly wan_saved_bytes: number;
  readonly bytes: Totals["bytes"];
  readonly served_bytes: number;
  /** The part of them that went to clients of this machine as a hosted cache. */
  readonly hosted_served_bytes: number;
  /** Bytes that clients of this machine's content server got from their branch instead. */
  readonly content_server_saved_bytes: number;
}

export interface Statistics {
  readonly today: PeriodStatistics;
  readonly all: PeriodStatistics;
  /** Bytes a second, of the latest sample. */
  readonly rates: Readonly<Record<string, number>>;
  /** Since the daemon started or `reset --metrics`; by metric, then by the value of its last label. */
  readonly counters: Readonly<Partial<Record<MetricName, Readonly<Record<string, number>>>>>;
}

export function gatherStatistics(metrics: Metrics, history: History): Statistics {
  const counters: Partial<Record<MetricName, Record<string, number>>> = {};
  for (const [name, { type, labels }] of Object.entries(METRICS)) {
    if (type !== "counter") continue;
    const metric = name as MetricName;
    const [first] = labels;
    counters[metric] =
      first === undefined ? { all: metrics.sum(metric) } : { ...metrics.by(metric, labels.at(-1) ?? first) };
  }
  const latest = history.samples.at(-1);
  return {
    today: period(history.today),
    all: period(history.all),
    rates: { ...(latest?.rates ?? {}), served: latest?.served ?? 0 },
    counters,
  };
}

function period(totals: Totals): PeriodStatistics {
  return {
    wan_saved_bytes: savedBytes(totals),
    bytes: totals.bytes,
    served_bytes: totals.served,
    hosted_served_bytes: totals.hostedServed,
    content_server_saved_bytes: Math.max(0, totals.contentServerSaved),
  };
}
