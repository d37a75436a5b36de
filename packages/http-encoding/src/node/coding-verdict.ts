/** The decision carried out: hashes looked up, waited for or asked for, and the answer's new body. */
import {
  type ContentInformationVersion,
  contentInformationLength,
  contentInformationParts,
  type HashEngine,
  type Publication,
  type Publications,
  type ServerSecret,
  writeContentInformation,
} from "@branchcache/content-info";
import { type Clock, type Observer, silentObserver } from "@branchcache/runtime";
import {
  contentInformationChanges,
  type HeaderChanges,
  makeHashRequestChanges,
  privateChanges,
} from "../server/answer-headers.ts";
import { type CodableAnswer, choose, type PlainAnswer } from "../server/decision.ts";
import type { PeerDistOffer } from "../server/offer.ts";
import type { PublicationProvider, Resource } from "../server/publications.ts";
import { settledWithin } from "./settled-within.ts";

export interface CodingOptions {
  /** Segment secrets are made of it; servers that share it share their clients' caches. */
  readonly secret: ServerSecret;
  readonly engine: HashEngine;
  readonly clock: Clock;
  readonly observer?: Observer;
  /** Of Content Information, to be sent. Default both. */
  readonly versions?: readonly ContentInformationVersion[];
  /** How long a hash request waits for hashes in the making. Default 10,000. */
  readonly hashRequestWaitMs?: number;
  /**
   * How long a request for one range waits for them. Default 0. BITS gives up ranges on a URL at the first
   * plain one (PCCRTP-51).
   */
  readonly rangeWaitMs?: number;
  /** How long any request waits for the provider's answer. Default 1,000. */
  readonly lookupWaitMs?: number;
}

/** What becomes of the answer: it passes, with other header fields, or Content Information takes its body's place. */
export type CodingVerdict =
  | { readonly kind: "pass"; readonly changes: HeaderChanges }
  | { readonly kind: "replace"; readonly changes: HeaderChanges; readonly body: Iterable<Uint8Array> };

/** An offer and an answer that fit each other. */
export interface CodingCase {
  readonly publications: PublicationProvider;
  readonly method: string;
  readonly offer: PeerDistOffer;
  readonly head: PlainAnswer;
  readonly answer: CodableAnswer;
  readonly key: string;
  /** For content and Content Information alike. */
  readonly vary: HeaderChanges;
  /** Fires when the client is gone. */
  readonly signal: AbortSignal;
}

/** Larger Content Information is made anew, piece by piece, for each request. */
const MAX_KEPT_BYTES = 1_048_576;

export function codingJudge(options: CodingOptions): (given: CodingCase) => Promise<CodingVerdict> {
  const {
    secret,
    engine,
    clock,
    observer = silentObserver,
    versions = [1, 2],
    hashRequestWaitMs = 10_000,
    rangeWaitMs = 0,
    lookupWaitMs = 1_000,
  } = options;
  // Each segment's secret costs a hash; many clients ask for the same file, and the secret stays the same.
  const whole = new WeakMap<Publication, Uint8Array>();

  const lookup = async (
    publications: PublicationProvider,
    resource: Resource,
    signal: AbortSignal,
  ): Promise<Publications> => {
    const found = await settledWithin(publications.lookup(resource), clock, lookupWaitMs, signal);
    const fits = (version: ContentInformationVersion, publication: Publication | undefined) =>
      versions.includes(version) && publication?.lengthBytes === resource.sizeBytes;
    return {
      ...(found?.v1 && fits(1, found.v1) && { v1: found.v1 }),
      ...(found?.v2 && fits(2, found.v2) && { v2: found.v2 }),
    };
  };

  const bodyOf = (publication: Publication, { range }: CodableAnswer): Iterable<Uint8Array> => {
    const isWhole = range.startBytes === 0 && range.endBytes === publication.lengthBytes;
    if (!isWhole || contentInformationLength(publication) > MAX_KEPT_BYTES) {
      return contentInformationParts(publication, secret, engine, range);
    }
    const bytes = whole.get(publication) ?? writeContentInformation(publication, secret, engine);
    whole.set(publication, bytes);
    return [bytes];
  };

  const patienceMs = ({ method, offer, head }: CodingCase): number => {
    if (method !== "GET") return 0;
    return Math.max(offer.hashRequest ? hashRequestWaitMs : 0, head.status === 206 ? rangeWaitMs : 0);
  };

  return async (given) => {
    const { publications, method, offer, head, answer, vary, signal } = given;
    const resource = { key: given.key, validator: answer.validator, sizeBytes: answer.sizeBytes };
    const choice = (found: Publications) => choose(method, offer, answer, versionsOf(found));
    let found = await lookup(publications, resource, signal);
    let decision = choice(found);
    const isMadeHere = offer.acceptedVersions.some((version) => versions.includes(version));
    if (isMadeHere && decision.kind === "plain" && decision.queueHashing) {
      const job = publications.request(resource).catch(() => {});
      const waitMs = patienceMs(given);
      if (waitMs > 0) {
        await settledWithin(job, clock, waitMs, signal);
        found = await lookup(publications, resource, signal);
        decision = choice(found);
      }
    }
    const contentBytes = answer.range.endBytes - answer.range.startBytes;
    if (decision.kind === "plain") {
      if (decision.reason === "not-ready") {
        observer.count("miss_bytes_total", contentBytes, { cause: "no_content_info" });
        observer.count("projected_bytes_total", contentBytes);
      }
      const later = decision.reason === "not-ready" && privateChanges(head.headers);
      const again = isMadeHere && decision.makeHashRequest && makeHashRequestChanges();
      return { kind: "pass", changes: { ...vary, ...later, ...again } };
    }
    const publication = decision.version === 2 ? found.v2 : found.v1;
    const lengthBytes = publication ? contentInformationLength(publication, answer.range) : 0;
    if (!publication || lengthBytes >= contentBytes) return { kind: "pass", changes: vary };
    observer.count("content_info_sent_bytes_total", lengthBytes);
    observer.count("hash_retrievals_total", 1, { version: String(decision.version), result: "ok" });
    observer.count("projected_bytes_total", contentBytes);
    observer.event("trace", "content_info.sent", { version: decision.version, lengthBytes, contentBytes });
    return {
      kind: "replace",
      changes: { ...vary, ...contentInformationChanges(head.headers, offer, answer, lengthBytes) },
      body: bodyOf(publication, answer),
    };
  };
}

function versionsOf(publications: Publications): readonly ContentInformationVersion[] {
  const versions: ContentInformationVersion[] = [];
  if (publications.v1) versions.push(1);
  if (publications.v2) versions.push(2);
  return versions;
}
