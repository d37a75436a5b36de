/**
 * The one port through which every layer reports what it does. Logs, metrics, `--explain` and the
 * dashboard read it; nobody else counts. Names follow the operations tables of the documentation.
 */

/** Events by name, `<subject>.<what happened>`; what each says is in `docs/guides/events-and-metrics.md`. */
export type EventName =
  | "service.started"
  | "service.stopping"
  | "service.stopped"
  | "service.start_failed"
  | "service.worker_ended"
  | "service.disabled"
  | "service.roamed"
  | "doctor.found"
  | "config.changed"
  | "config.rejected"
  | "config.role_conflict"
  | "firewall.discovery_blocked"
  | "firewall.retrieval_blocked"
  | "firewall.offers_blocked"
  | "listen.no_permission"
  | "listen.port_in_use"
  | "listen.failed"
  | "cache.full"
  | "cache.path_unusable"
  | "cache.corrupt"
  | "cache.loaded"
  | "cache.saved"
  | "cache.save_failed"
  | "cache.compacted"
  | "cache.compact_advised"
  | "cache.format_changed"
  | "cache.unreachable"
  | "cache.reachable"
  | "publish.failed"
  | "publish.done"
  | "peer.request_failed"
  | "peer.quarantined"
  | "peer.bad_request"
  | "peer.denied"
  | "upload.limit"
  | "offer.failed"
  | "offer.timeout"
  | "offer.refused"
  | "hosted.serving"
  | "hosted.pulled"
  | "hosted.pull_failed"
  | "hosted.request_failed"
  | "hosted.no_certificate"
  | "hosted.certificate_loaded"
  | "hosted.servers_changed"
  | "discover_server.failed"
  | "probe.received"
  | "probe.sent"
  | "probe.answer_received"
  | "probe.answer_sent"
  | "probe.unanswered"
  | "probe.answer_late"
  | "discovery.failed"
  | "block.request_received"
  | "block.request_sent"
  | "block.received"
  | "block.sent"
  | "content_info.received"
  | "content_info.sent"
  | "content.sent"
  | "missing_data.sent"
  | "origin.failed"
  | "download.finished";

/** How much an event matters, least first. */
export type EventLevel = "trace" | "debug" | "info" | "warn" | "error";

/** Flat values only; no secrets, no URLs with query or user information. */
export type EventFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Counters and gauges, all prefixed `branchcache_` where they are shown. */
export type MetricName =
  | "retrieval_bytes_total"
  | "served_bytes_total"
  | "reads_total"
  | "discoveries_total"
  | "discovery_seconds"
  | "probe_answers_total"
  | "datagrams_dropped_total"
  | "block_requests_total"
  | "blocks_rejected_total"
  | "peers"
  | "peers_quarantined"
  | "uploads_active"
  | "uploads_limit"
  | "uploads_rejected_total"
  | "cache_bytes"
  | "cache_limit_bytes"
  | "cache_segments"
  | "cache_evictions_total"
  | "publications"
  | "hosted_offers_total"
  | "hosted_offer_queue"
  | "http_requests_total"
  | "content_info_sent_bytes_total"
  | "projected_bytes_total"
  | "miss_bytes_total"
  | "hash_generations_total"
  | "hash_retrievals_total"
  | "hash_seconds"
  | "branch_rate_bytes_per_second"
  | "discovery_weighted_seconds"
  | "cache_disk_bytes"
  | "cache_access_seconds"
  | "service_status"
  | "build_info";

/** Values of a metric's labels, by name of label. */
export type MetricLabels = Readonly<Record<string, string>>;

/**
 * Takes what a layer reports. Its methods are called often and in the middle of work: they must be quick, and must
 * not throw.
 */
export interface Observer {
  /** Something happened that a person may want to read about. */
  event(level: EventLevel, name: EventName, fields?: EventFields): void;
  /** A counter (`*_total`) grows; bytes or occurrences. */
  count(metric: MetricName, delta: number, labels?: MetricLabels): void;
  /** A gauge takes a value, or a histogram one more observation, in base units. */
  measure(metric: MetricName, value: number, labels?: MetricLabels): void;
}

/** Says nothing. The default wherever an observer may be given. */
export const silentObserver: Observer = {
  event() {},
  count() {},
  measure() {},
};

/** Reports to all of them. */
export function combineObservers(...observers: readonly Observer[]): Observer {
  return {
    event: (level, name, fields) => {
      for (const observer of observers) observer.event(level, name, fields);
    },
    count: (metric, delta, labels) => {
      for (const observer of observers) observer.count(metric, delta, labels);
    },
    measure: (metric, value, labels) => {
      for (const observer of observers) observer.measure(metric, value, labels);
    },
  };
}
