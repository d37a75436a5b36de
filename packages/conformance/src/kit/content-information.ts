/** Content Information as a content server gives it to a client. [MS-PCCRTP] 3.1 */
import type { IncomingHttpHeaders } from "node:http";
import { BranchCacheError, type Clock } from "@branchcache/runtime";
import { exchange, type HttpServerAddress, seenText } from "./http.ts";

export interface AskOptions {
  readonly clock: Clock;
  /** The highest version to take. Default 2. */
  readonly maxVersion?: 1 | 2;
  /** How long the server may take to hash, in milliseconds. Default 10,000. */
  readonly patienceMs?: number;
}

const RETRY_MS = 200;

/** The Content Information of a URL, asked for until the server has hashed it. Errors: `BC_CONFORMANCE_INPUT` if none comes. */
export async function askContentInformation(url: string, options: AskOptions): Promise<Uint8Array> {
  const { clock, maxVersion = 2, patienceMs = 10_000 } = options;
  const { server, path, host } = serverOf(url);
  const giveUpMs = clock.monotonicMs() + patienceMs;
  for (;;) {
    const seen = await exchange(server, { method: "GET", path, headers: offer(host, maxVersion) });
    if (seen.kind === "answer" && isContentInformation(seen.headers)) return seen.body;
    if (seen.kind === "nothing" || seen.status >= 400 || clock.monotonicMs() > giveUpMs) {
      const what = seen.kind === "answer" && seen.status < 400 ? "the content itself" : seenText(seen);
      throw new BranchCacheError("BC_CONFORMANCE_INPUT", `no Content Information came, but ${what}`);
    }
    await clock.sleep(RETRY_MS);
  }
}

/** The server of a URL, its path with the query, and the value of Host. Errors: `BC_CONFORMANCE_INPUT`. */
export function serverOf(url: string): { server: HttpServerAddress; path: string; host: string } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "http:" && parsed?.protocol !== "https:") {
    throw new BranchCacheError("BC_CONFORMANCE_INPUT", `${url} is no http or https URL`);
  }
  const secure = parsed.protocol === "https:";
  const address = parsed.hostname.replace(/^\[|\]$/g, "");
  const port = Number(parsed.port) || (secure ? 443 : 80);
  return {
    server: { address, port, ...(secure && { tls: { serverName: address } }) },
    path: `${parsed.pathname}${parsed.search}`,
    host: parsed.host,
  };
}

/** What a client sends that takes Content Information. [MS-PCCRTP] 3.1.4 */
function offer(host: string, maxVersion: 1 | 2 = 2): Record<string, string> {
  return {
    Host: host,
    "Accept-Encoding": "peerdist",
    "X-P2P-PeerDist": "Version=1.1",
    "X-P2P-PeerDistEx": `MinContentInformation=1.0, MaxContentInformation=${maxVersion}.0`,
  };
}

function isContentInformation(headers: IncomingHttpHeaders): boolean {
  return headers["content-encoding"]?.toLowerCase() === "peerdist";
}
