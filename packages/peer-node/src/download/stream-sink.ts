import { once } from "node:events";
import type { Writable } from "node:stream";
import type { DownloadSink } from "./sink.ts";

/** Downloads into a pipe, in order and as fast as it is emptied. What is written cannot be taken back. */
export function createStreamSink(stream: Writable, signal?: AbortSignal): DownloadSink {
  return {
    async write(_offsetBytes, bytes, done) {
      if (stream.errored) throw stream.errored;
      if (!stream.write(bytes, done && (() => done()))) await once(stream, "drain", signal ? { signal } : {});
    },
  };
}
