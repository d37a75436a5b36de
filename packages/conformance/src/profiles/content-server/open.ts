import { BranchCacheError, type Clock, type Random } from "@branchcache/runtime";
import { askContentInformation, serverOf } from "../../kit/content-information.ts";
import { exchange, seenText } from "../../kit/http.ts";
import type { ContentServerTarget } from "./target.ts";

/** What the checks of a content server get besides its URL. Those that need `freshUrl` or `secret` are skipped without. */
export interface ContentServerOptions {
  /** For paths that do not exist. */
  readonly random: Random;
  /** For the waits of the kit. */
  readonly clock: Clock;
  /** How long one answer may take, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
  /** URL of a resource of the same server that nobody has asked for yet. */
  readonly freshUrl?: string;
  /** The server's secret key, to hold segment secrets against. */
  readonly secret?: Uint8Array;
}

/** Longer content would be held in memory for little gain. */
const MAX_CONTENT_BYTES = 256 * 1024 * 1024;

/**
 * Gets the content, and waits until its Content Information is ready. Errors: `BC_CONFORMANCE_INPUT` for a URL that
 * cannot be used, `BC_CONFORMANCE_UNREACHABLE` where no content comes.
 */
export async function openContentServer(
  url: string,
  options: ContentServerOptions,
): Promise<ContentServerTarget> {
  const { clock, freshUrl, random, secret, timeoutMs } = options;
  const { host, path, server } = serverOf(url);
  const fresh = freshUrl === undefined ? undefined : serverOf(freshUrl);
  if (fresh !== undefined && fresh.host !== host) {
    throw new BranchCacheError("BC_CONFORMANCE_INPUT", `${freshUrl} is not on ${host}`);
  }
  const seen = await exchange(server, {
    method: "GET",
    path,
    headers: { Host: host },
    timeoutMs: 60_000,
    maxBodyBytes: MAX_CONTENT_BYTES,
  });
  if (seen.kind === "nothing" || seen.status !== 200 || seen.body.length === 0) {
    throw new BranchCacheError("BC_CONFORMANCE_UNREACHABLE", `${url} gives no content: ${seenText(seen)}`);
  }
  // Checks that want Content Information fail by themselves if none ever comes.
  await askContentInformation(url, { clock, maxVersion: 2 }).catch(() => undefined);
  await askContentInformation(url, { clock, maxVersion: 1 }).catch(() => undefined);
  return {
    server,
    path,
    host,
    content: seen.body,
    random,
    clock,
    ...(fresh && { freshPath: fresh.path }),
    ...(secret && { secret }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}
