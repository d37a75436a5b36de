/** The gateway's own GET of content that it hashes, with the rights of the client who asked for it. */
import { BranchCacheError } from "@branchcache/runtime";
import type { Dispatcher } from "undici";
import { readAnswer } from "../../server/decision.ts";
import type { Resource } from "../../server/publications.ts";
import { strongValidator } from "./kept-heads.ts";
import { openUpstream, type Upstream } from "./upstream.ts";

export interface ContentRequest {
  readonly origin: string;
  readonly path: string;
  readonly fields: string[];
}

/** Fails with `BC_CONTENT_CHANGED` where the origin has another representation now. */
export async function* fetchContent(
  dispatcher: Dispatcher,
  request: ContentRequest,
  resource: Resource,
  nowMs: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const upstream = await openUpstream(dispatcher, { ...request, method: "GET", body: null, signal });
  const reading = readAnswer(upstream, nowMs);
  const same =
    upstream.status === 200 &&
    reading.kind === "codable" &&
    strongValidator(upstream.headers, nowMs) === resource.validator &&
    reading.answer.sizeBytes === resource.sizeBytes;
  if (!same) {
    upstream.drop();
    throw new BranchCacheError("BC_CONTENT_CHANGED", "the origin answers differently now");
  }
  yield* bodyOf(upstream);
}

async function* bodyOf(upstream: Upstream): AsyncGenerator<Uint8Array, void, void> {
  const queue: Uint8Array[] = [];
  let done = false;
  let failed: Error | undefined;
  let wake = (): void => {};
  upstream.flow({
    data(bytes) {
      queue.push(bytes);
      wake();
      return queue.length < MAX_QUEUED;
    },
    end() {
      done = true;
      wake();
    },
    error(error) {
      failed = error;
      wake();
    },
  });
  try {
    for (;;) {
      const bytes = queue.shift();
      if (bytes) {
        if (queue.length === RESUME_AT) upstream.resume();
        yield bytes;
      } else if (failed) {
        throw failed;
      } else if (done) {
        return;
      } else {
        upstream.resume();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    upstream.drop();
  }
}

/** Pieces of some 64 KiB: enough to go on with while the origin is asked for more. */
const MAX_QUEUED = 64;
const RESUME_AT = 32;
