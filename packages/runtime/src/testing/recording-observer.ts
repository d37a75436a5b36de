import type { EventFields, EventLevel, EventName, MetricLabels, MetricName, Observer } from "../observer.ts";

/** One call of `Observer.event`; `fields` is empty where none were given. */
export interface RecordedEvent {
  readonly level: EventLevel;
  readonly name: EventName;
  readonly fields: EventFields;
}

/** An observer that keeps everything, for the assertions of a test. */
export interface RecordingObserver extends Observer {
  readonly events: readonly RecordedEvent[];
  /** Events of this name. */
  named(name: EventName): readonly RecordedEvent[];
  /** Sum of a counter over every set of labels that has at least these. */
  total(metric: MetricName, labels?: MetricLabels): number;
  /** The last value measured under exactly these labels. */
  last(metric: MetricName, labels?: MetricLabels): number | undefined;
}

/** Remembers everything it is told. */
export function recordingObserver(): RecordingObserver {
  const events: RecordedEvent[] = [];
  const counts: { metric: MetricName; delta: number; labels: MetricLabels }[] = [];
  const values: { metric: MetricName; value: number; labels: MetricLabels }[] = [];
  const includes = (labels: MetricLabels, wanted: MetricLabels) =>
    Object.entries(wanted).every(([key, value]) => labels[key] === value);
  return {
    events,
    event: (level, name, fields = {}) => {
      events.push({ level, name, fields });
    },
    count: (metric, delta, labels = {}) => {
      counts.push({ metric, delta, labels });
    },
    measure: (metric, value, labels = {}) => {
      values.push({ metric, value, labels });
    },
    named: (name) => events.filter((event) => event.name === name),
    total: (metric, labels = {}) =>
      counts
        .filter((entry) => entry.metric === metric && includes(entry.labels, labels))
        .reduce((sum, entry) => sum + entry.delta, 0),
    last: (metric, labels = {}) =>
      values.findLast(
        (entry) =>
          entry.metric === metric &&
          includes(entry.labels, labels) &&
          Object.keys(entry.labels).length === Object.keys(labels).length,
      )?.value,
  };
}
