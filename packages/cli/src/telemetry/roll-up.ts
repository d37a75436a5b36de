/** The same event again and again is told once a minute, with how often it came: a full disk must not fill the log. */
import type { Clock, EventFields, EventLevel, EventName, Observer } from "@branchcache/runtime";

const WINDOW_MS = 60_000;
const REMEMBERED_MAX = 1_000;

/** Warnings and errors pass through it; everything else goes straight on. */
export function rollUp(target: Observer, clock: Clock): Observer {
  const seen = new Map<string, { untilMs: number; repeated: number }>();
  return {
    event(level: EventLevel, name: EventName, fields?: EventFields) {
      if (level !== "warn" && level !== "error") {
        target.event(level, name, fields);
        return;
      }
      const key = `${name} ${JSON.stringify(sameAs(name, fields))}`;
      const nowMs = clock.monotonicMs();
      const before = seen.get(key);
      if (before && nowMs < before.untilMs) {
        before.repeated++;
        return;
      }
      seen.delete(key);
      seen.set(key, { untilMs: nowMs + WINDOW_MS, repeated: 0 });
      const [oldest] = seen.keys();
      if (seen.size > REMEMBERED_MAX && oldest !== undefined) seen.delete(oldest);
      target.event(
        level,
        name,
        before && before.repeated > 0 ? { ...fields, repeated: before.repeated } : fields,
      );
    },
    count: (metric, delta, labels) => target.count(metric, delta, labels),
    measure: (metric, value, labels) => target.measure(metric, value, labels),
  };
}

/** A disk that is full is so for each segment. */
function sameAs(name: EventName, fields: EventFields | undefined): EventFields | undefined {
  return name === "cache.save_failed" && fields ? { ...fields, segment: undefined } : fields;
}
