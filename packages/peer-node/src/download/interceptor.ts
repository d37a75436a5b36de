/** Any `fetch` through the branch. */
import {
  type Interceptor,
  type OriginClient,
  peerDistInterceptor,
} from "@branchcache/http-encoding/node/client";
import type { Clock, Observer } from "@branchcache/runtime";
import type { BranchCache } from "../branch-cache.ts";
import { download } from "./download.ts";

/** Through what the interceptor reads. */
export interface InterceptorOptions {
  /** The caller's, who closes it. */
  readonly branchCache: BranchCache;
  readonly clock: Clock;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
  /** The highest version of Content Information to ask for. Default 2. */
  readonly maxVersion?: 1 | 2;
}

/**
 * For dispatchers of undici 7: `new Agent().compose(branchCacheInterceptor(options))`, as `dispatcher` of a
 * `fetch` or for all of them. A request's headers go to its origin alone. What comes plain passes and is not kept.
 */
export function branchCacheInterceptor(options: InterceptorOptions): Interceptor {
  const { branchCache, clock, observer, maxVersion } = options;
  const common = { clock, ...(observer && { observer }) };
  return peerDistInterceptor({
    ...common,
    ...(maxVersion && { versions: maxVersion }),
    async receive({ answer, url, headers, origin, signal, write }) {
      let fresh = true;
      const answered: OriginClient = {
        ...origin,
        async open(target, openOptions) {
          if (!fresh) return origin.open(target, openOptions);
          fresh = false;
          return answer;
        },
      };
      await download({
        ...common,
        url,
        origin: answered,
        branchCache,
        sink: { write: (_offsetBytes, bytes) => write(bytes) },
        signal,
        headers: unconditional(headers),
        ...(maxVersion && { maxVersion }),
      });
    },
  });
}

/** A request for a part must not be answered with 304. */
function unconditional(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith("if-"));
  return Object.fromEntries(kept);
}
