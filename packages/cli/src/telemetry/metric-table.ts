/** What each metric is, for Prometheus. The names and labels are those of the documentation. */
import type { MetricName } from "@branchcache/runtime";

/** Kind of a metric, its help text, and the names of its labels. */
export interface MetricDeclaration {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Of a histogram, in seconds. */
  readonly buckets?: readonly number[];
}

const counter = (help: string, ...labels: readonly string[]): MetricDeclaration => ({
  type: "counter",
  help,
  labels,
});
const gauge = (help: string, ...labels: readonly string[]): MetricDeclaration => ({
  type: "gauge",
  help,
  labels,
});
const seconds = (
  help: string,
  buckets: readonly number[],
  ...labels: readonly string[]
): MetricDeclaration => ({
  type: "histogram",
  help,
  labels,
  buckets,
});

/** Every metric, by its name without the prefix `branchcache_`. */
export const METRICS: Readonly<Record<MetricName, MetricDeclaration>> = {
  retrieval_bytes_total: counter("Content read, by where it came from and for whom", "source", "app"),
  served_bytes_total: counter("Content served", "to"),
  branch_rate_bytes_per_second: gauge("Content that came from the branch lately"),
  reads_total: counter("Contents read, by how it ended", "result"),
  discoveries_total: counter("Probes", "direction", "result"),
  discovery_seconds: seconds("Time to the first answer", [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1]),
  discovery_weighted_seconds: gauge("Time to the first answer, smoothed"),
  probe_answers_total: counter("Probes that we could answer, by what we did", "decision"),
  datagrams_dropped_total: counter("Datagrams that were not looked into", "reason"),
  block_requests_total: counter("Requests for blocks and lists", "direction", "result"),
  blocks_rejected_total: counter("Blocks thrown away", "reason"),
  peers: gauge("Peers that gave something in the last ten minutes"),
  peers_quarantined: gauge("Peers that are left alone because they sent false bytes"),
  uploads_active: gauge("Requests being answered"),
  uploads_limit: gauge("Requests answered at once at most"),
  uploads_rejected_total: counter("Requests refused because too many were being answered"),
  cache_bytes: gauge("Bytes held", "cache", "path"),
  cache_limit_bytes: gauge("Bytes that may be held", "cache", "path"),
  cache_disk_bytes: gauge("Bytes on the disk", "cache", "path"),
  cache_segments: gauge("Segments held", "state"),
  cache_evictions_total: counter("Segments that went from the cache", "reason"),
  cache_access_seconds: seconds(
    "Time of an access to the cache",
    [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1],
    "op",
  ),
  publications: gauge("Published contents"),
  hosted_offers_total: counter("Offers to hosted caches", "direction", "result"),
  hosted_offer_queue: gauge("Offers that wait, here or for a hosted cache", "direction", "server"),
  http_requests_total: counter("Requests to the content server", "peerdist", "answer"),
  content_info_sent_bytes_total: counter("Content Information sent"),
  projected_bytes_total: counter("What the content server would have sent without BranchCache"),
  miss_bytes_total: counter("Content that the content server sent", "cause"),
  hash_generations_total: counter("Contents hashed", "version", "result"),
  hash_retrievals_total: counter("Content Information handed out", "version", "result"),
  hash_seconds: seconds("Time to hash a content", [0.01, 0.1, 0.5, 1, 5, 10, 60, 300], "version"),
  service_status: gauge("0 disabled, 1 starting, 2 available, as PEERDIST_STATUS"),
  build_info: gauge("Always 1", "version", "mode"),
};
