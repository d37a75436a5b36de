import type { Writable } from "node:stream";
import { BranchCacheError } from "@branchcache/runtime";
import type { DownloadSink } from "./sink.ts";

/**
 * Downloads into a pipe, in order and as fast as it is emptied. What is written cannot be taken back. Writes reject with what
 * is wrong with the stream, `BC_CLOSED` where somebody closed it, and `signal.reason`.
 */
export function createStreamSink(stream: Writable, signal?: AbortSignal): DownloadSink {
  return {
    async write(_offsetBytes, bytes, done) {
      if (stream.errored) throw stream.errored;
      if (stream.destroyed) throw closedError();
      if (!stream.write(bytes, done && (() => done()))) await drained(stream, signal);
    },
  };
}

function drained(stream: Writable, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void) => {
      stream.off("drain", onDrain).off("error", onError).off("close", onClose);
      signal?.removeEventListener("abort", onAbort);
      outcome();
    };
    const onDrain = () => settle(resolve);
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () => settle(() => reject(closedError()));
    const onAbort = () => settle(() => reject(signal?.reason));
    stream.on("drain", onDrain).on("error", onError).on("close", onClose);
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
  });
}

function closedError(): BranchCacheError {
  return new BranchCacheError("BC_CLOSED", "the stream was closed before the download had come to its end");
}
