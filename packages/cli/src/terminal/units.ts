/** Sizes, rates and times as people read them. */
import prettyBytes from "pretty-bytes";
import prettyMilliseconds from "pretty-ms";

/** `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  return prettyBytes(bytes, { binary: true });
}

/** `112 MiB/s`; a dash while nothing can be said. */
export function formatRate(bytes: number, ms: number): string {
  return ms > 0 ? `${formatBytes((bytes * 1_000) / ms)}/s` : "-";
}

/** `1.2s`, `3m 20s`. */
export function formatDuration(ms: number): string {
  return prettyMilliseconds(
    Math.max(0, ms),
    ms < 10_000 ? { secondsDecimalDigits: 2 } : { secondsDecimalDigits: 0 },
  );
}

/** `12.3 %`. */
export function formatShare(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
}

/** `1 segment`, `3 segments`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
