/** A hosted cache, and the client that the kit plays. */
import { type Clock, type Random, toHex } from "@branchcache/runtime";
import { type Check, type Finding, finding } from "../../kit/check.ts";
import {
  exchange,
  type HttpSeen,
  type HttpSent,
  type HttpServerAddress,
  hexText,
  seenText,
} from "../../kit/http.ts";
import { getBlocks } from "../retrieval-server/messages.ts";
import { contentFault } from "../retrieval-server/opening.ts";
import { ask, readAnswer } from "../retrieval-server/target.ts";
import { batchedOffer, descriptor, OFFER_PATH_1, OFFER_PATH_2, OK } from "./messages.ts";
import type { OfferedContent, OfferSource } from "./source.ts";

/** A hosted cache, where it listens, and the source of what it is offered. [MS-PCHC] 3.1 */
export interface HostedCacheTarget {
  /** Where it gives blocks, and takes offers of version 2.0. */
  readonly server: HttpServerAddress;
  /** Where it takes offers of version 1.0, by TLS; without it their checks are skipped. */
  readonly tlsServer?: HttpServerAddress;
  /**
   * It demands authorization for offers of version 1.0, of which the kit has none: only that it does is checked,
   * and no other check of version 1.0 is run. Default false.
   */
  readonly expects401?: boolean;
  /** The content that is offered, and the server that it is pulled from. */
  readonly source: OfferSource;
  readonly random: Random;
  /** For the waits of the kit. */
  readonly clock: Clock;
  /** How long an answer may take, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
}

export type HostedCheck = Check<HostedCacheTarget>;

export const NO_TLS = "no address for offers of version 1.0 was given";

/** Posts an offer to where offers of that version go. */
export function offer(
  target: HostedCacheTarget,
  version: 1 | 2,
  message: Uint8Array,
  changes: Partial<HttpSent> = {},
): Promise<HttpSeen> {
  const server = version === 1 ? target.tlsServer : target.server;
  if (!server) throw new Error(NO_TLS);
  const { timeoutMs } = target;
  return exchange(server, {
    path: version === 1 ? OFFER_PATH_1 : OFFER_PATH_2,
    body: message,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...changes,
  });
}

/** Whether this is the answer, all of it. [MS-PCHC] 2.2.2 */
export const isResponse = (seen: HttpSeen, hex: string): boolean =>
  seen.kind === "answer" && seen.status === 200 && toHex(seen.body) === hex;

/** No answer of the protocol: an HTTP error, or none at all. [MS-PCHC] 3.1.5.4 */
export const isDropped = (seen: HttpSeen): boolean => seen.kind === "nothing" || seen.status >= 400;

/** Makes a valid offer and waits for its pull, by when earlier offers have been dealt with: what went wrong, if anything. */
async function offerAndPull(target: HostedCacheTarget): Promise<string | undefined> {
  const content = target.source.make(2);
  const seen = await offer(target, 2, batchedOffer(target.source.port, [descriptor(content)]));
  if (!isResponse(seen, OK)) return `a valid offer was answered by ${seenText(seen)}`;
  return (await target.source.pulled(content)) ? undefined : "a valid offer was not followed by a pull";
}

/**
 * Sends an offer that must not be followed by a pull of `lure`. A valid offer follows: once that one is pulled, `lure`
 * would have been. `answered` says what the answer may be.
 */
export async function notPulled(
  target: HostedCacheTarget,
  version: 1 | 2,
  message: Uint8Array,
  lure: OfferedContent,
  expected: string,
  answered: (seen: HttpSeen) => boolean,
  changes: Partial<HttpSent> = {},
): Promise<Finding> {
  const seen = await offer(target, version, message, changes);
  const fault = answered(seen) ? await offerAndPull(target) : "";
  const pulled = target.source.wasAsked(lure);
  const told = [seenText(seen), fault, pulled && "the segment was asked for"].filter(Boolean).join("; ");
  return finding(fault === undefined && !pulled, hexText(message), told, `${expected}, no pull`);
}

/** Asks the cache for a block, and whether it is the right one. */
export async function givesBlock(target: HostedCacheTarget, { segment }: OfferedContent, index: number) {
  const { random, server, timeoutMs } = target;
  const asked = { server, random, information: { ...segmentOnly, segments: [segment] } };
  const seen = await ask(
    { ...asked, ...(timeoutMs !== undefined && { timeoutMs }) },
    getBlocks(segment.id, [{ index, count: 1 }]),
  );
  const read = readAnswer(seen);
  const isBlock = read.ok && read.message.kind === "block";
  return {
    seen,
    isEmpty: isBlock && read.message.body.data.length === 0,
    isRight: isBlock && contentFault(segment, read.message.body, read.message.cipher) === undefined,
  };
}

const segmentOnly = { version: 1, algorithm: "sha256", range: { startBytes: 0, endBytes: 1 } } as const;

/** Tries again every 20 ms, until it is true or `timeoutMs` is over. */
export async function eventually(
  { clock, timeoutMs = 5_000 }: HostedCacheTarget,
  isTrue: () => Promise<boolean>,
): Promise<boolean> {
  const untilMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    if (await isTrue()) return true;
    if (clock.monotonicMs() > untilMs) return false;
    await clock.sleep(20);
  }
}
