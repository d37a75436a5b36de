/** A content server, and one resource of it. */
import type { Clock, Random } from "@branchcache/runtime";
import type { Finding } from "../../kit/check.ts";
import { exchange, type HttpSeen, type HttpSent, type HttpServerAddress, seenText } from "../../kit/http.ts";

/** A content server and one resource of it, whose bytes are known. [MS-PCCRTP] 3.2 */
export interface ContentServerTarget {
  /** Where it listens; with `tls` for https. */
  readonly server: HttpServerAddress;
  /** Path and query of a resource that the server gives out Content Information for, once it is ready. */
  readonly path: string;
  /** Value of Host. */
  readonly host: string;
  /** The bytes of the resource. */
  readonly content: Uint8Array;
  /** Path of a resource that nobody has asked for yet; its first answer shows what a server does without hashes. */
  readonly freshPath?: string;
  /** The server's secret key, to hold segment secrets against. */
  readonly secret?: Uint8Array;
  /** For paths that do not exist. */
  readonly random: Random;
  /** For the waits of the kit. */
  readonly clock: Clock;
  /** How long an answer may take, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
}

export type Answer = Extract<HttpSeen, { kind: "answer" }>;
export type Headers = Readonly<Record<string, string>>;

/** The fields of a client of version 1.1 that reads both versions of Content Information. */
export const OFFER: Headers = {
  "Accept-Encoding": "peerdist",
  "X-P2P-PeerDist": "Version=1.1",
  "X-P2P-PeerDistEx": "MinContentInformation=1.0, MaxContentInformation=2.0",
};
/** The fields of Windows 7. */
export const FIRST_OFFER: Headers = { "Accept-Encoding": "peerdist", "X-P2P-PeerDist": "Version=1.0" };

export function get(
  target: ContentServerTarget,
  headers: Headers,
  changes: Partial<HttpSent> = {},
): Promise<HttpSeen> {
  const { content, host, path, server, timeoutMs } = target;
  return exchange(server, {
    method: "GET",
    path,
    headers: { Host: host, ...headers },
    maxBodyBytes: 2 * content.length + 1024 * 1024,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...changes,
  });
}

/** The fields of a request as reports show them. */
export const sentText = (headers: Headers): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join(" | ");

/** An answer as reports show it: status, first bytes, and the header fields that concern the coding. */
export function answerText(seen: HttpSeen): string {
  if (seen.kind === "nothing") return seen.reason;
  const fields = ["content-encoding", "content-range", "x-p2p-peerdist", "x-p2p-peerdistex", "etag", "vary"]
    .filter((name) => seen.headers[name] !== undefined)
    .map((name) => `${name}: ${String(seen.headers[name])}`);
  return [seenText(seen), ...fields].join(" | ");
}

/** Sends the request, and holds that `fault` finds nothing wrong with the answer. */
export async function answerFinding(
  target: ContentServerTarget,
  headers: Headers,
  expected: string,
  fault: (answer: Answer) => string | undefined,
  changes: Partial<HttpSent> = {},
): Promise<Finding> {
  const seen = await get(target, headers, changes);
  const found = seen.kind === "answer" ? fault(seen) : seen.reason;
  const received = found === undefined ? answerText(seen) : `${found}; ${answerText(seen)}`;
  return { outcome: found === undefined ? "pass" : "fail", sent: sentText(headers), received, expected };
}
