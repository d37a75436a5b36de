/** A bar on a terminal, nothing elsewhere: how far, how fast, and what came from where. */
import { createRequire } from "node:module";
import type { DownloadProgress } from "@branchcache/peer-node";
import { systemClock } from "@branchcache/runtime/node";
import { formatBytes, formatDuration, formatRate } from "./units.ts";

export interface ProgressBar {
  update(progress: DownloadProgress): void;
  stop(): void;
}

export interface ProgressOptions {
  /** Default standard error. */
  readonly stream?: NodeJS.WriteStream;
  /** Default true. */
  readonly enabled?: boolean;
  /** Milliseconds; default those of the system's monotonic clock. */
  readonly now?: () => number;
}

export function progressBar(options: ProgressOptions = {}): ProgressBar {
  const bar = amountBar(options);
  return {
    update: ({ lengthBytes, bytes }) => bar.update(totalBytes(bytes), lengthBytes, sourcesText(bytes)),
    stop: () => bar.stop(),
  };
}

export interface AmountBar {
  /** `lengthBytes`: of the whole, where it is known. */
  update(doneBytes: number, lengthBytes: number | undefined, detail: string): void;
  stop(): void;
}

export function amountBar({
  stream = process.stderr,
  enabled = true,
  now = systemClock.monotonicMs,
}: ProgressOptions = {}): AmountBar {
  if (!enabled || !stream.isTTY) return { update() {}, stop() {} };
  const startMs = now();
  // Only a terminal shows the bar.
  const cliProgress = createRequire(import.meta.url)("cli-progress") as typeof import("cli-progress");
  const bar = new cliProgress.SingleBar({
    stream,
    hideCursor: true,
    fps: 8,
    barsize: 24,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    clearOnComplete: true,
    emptyOnZero: true,
    format: "{bar} {percentage}% {done} of {whole} at {rate}, {left} left | {detail}",
  });
  let started = false;
  return {
    update(done, lengthBytes, detail) {
      const elapsedMs = now() - startMs;
      const payload = {
        done: formatBytes(done),
        whole: lengthBytes === undefined ? "?" : formatBytes(lengthBytes),
        rate: formatRate(done, elapsedMs),
        left:
          lengthBytes === undefined || done === 0
            ? "?"
            : formatDuration(Math.ceil((Math.max(0, lengthBytes - done) * elapsedMs) / done / 1_000) * 1_000),
        detail,
      };
      if (started) {
        bar.setTotal(lengthBytes ?? done);
        bar.update(done, payload);
      } else {
        started = true;
        bar.start(lengthBytes ?? done, done, payload);
      }
    },
    stop() {
      if (started) bar.stop();
    },
  };
}

export function totalBytes(bytes: DownloadProgress["bytes"]): number {
  return bytes.local + bytes.peer + bytes.hosted + bytes.origin;
}

/** `cache 12 MiB, peers 80 MiB, origin 1 MiB`; hosted caches only where there are any. */
export function sourcesText(bytes: DownloadProgress["bytes"]): string {
  const hosted = bytes.hosted > 0 ? `, hosted ${formatBytes(bytes.hosted)}` : "";
  return `cache ${formatBytes(bytes.local)}, peers ${formatBytes(bytes.peer)}${hosted}, origin ${formatBytes(bytes.origin)}`;
}
