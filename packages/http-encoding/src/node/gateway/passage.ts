/** One request of a client on its way through the gateway. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, errorCode, errorMessage, type Observer } from "@branchcache/runtime";
import type { Dispatcher } from "undici";
import { fieldText, readLength, satisfiedRange } from "../../http-fields.ts";
import { redactUrl } from "../../redact-url.ts";
import { type HeaderChanges, varyChanges } from "../../server/answer-headers.ts";
import { type CodableAnswer, type PlainAnswer, readAnswer } from "../../server/decision.ts";
import { type OfferReading, type PeerDistOffer, readOffer } from "../../server/offer.ts";
import type { PublicationProvider } from "../../server/publications.ts";
import { countAnswer } from "../answer-count.ts";
import type { CodingCase, CodingVerdict } from "../coding-verdict.ts";
import {
  CONDITION_FIELDS,
  type ForwardedMode,
  OFFER_FIELDS,
  requestFields,
  responseFields,
} from "../forward-fields.ts";
import { createTee, type Tee } from "../publications/tee.ts";
import type { UrlPublications } from "../publications/url-publications.ts";
import { refuse } from "../refuse.ts";
import type { ResourceFilter } from "../resource-filter.ts";
import { fetchContent } from "./content-fetch.ts";
import { deliver, deliverInstead } from "./deliver.ts";
import { Departure } from "./departure.ts";
import {
  conditionFor,
  headOf,
  type KeptHead,
  type KeptHeads,
  strongValidator,
  vouches,
} from "./kept-heads.ts";
import type { Target } from "./target.ts";
import { openUpstream, type Upstream } from "./upstream.ts";

/** What all requests share. */
export interface PassageContext {
  readonly origin: URL;
  /** Of the origin's path, without a slash at its end. */
  readonly prefix: string;
  readonly hostHeader: "client" | "origin";
  readonly forwarded: ForwardedMode;
  readonly dispatcher: Dispatcher;
  readonly filter: ResourceFilter;
  readonly publications: UrlPublications;
  readonly judge: (given: CodingCase) => Promise<CodingVerdict>;
  readonly heads: KeptHeads;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly slowClientMs: number;
  readonly slowHashingMs: number;
}

const NO_CHANGES: HeaderChanges = {};

/** One request of a client. */
export class Passage {
  readonly #context: PassageContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #target: Target;
  readonly #reading: OfferReading;
  readonly #eligible: boolean;
  readonly #gone = new Departure();
  #keyMade: string | undefined;
  #tee: Tee | undefined;

  constructor(context: PassageContext, request: IncomingMessage, response: ServerResponse, target: Target) {
    this.#context = context;
    this.#request = request;
    this.#response = response;
    this.#target = target;
    this.#reading = readOffer({ method: target.method, headers: request.headers });
    const asksForContent = target.method === "GET" || target.method === "HEAD";
    this.#eligible = asksForContent && !target.hasBody && context.filter.path(target.path);
    response.once("close", () => {
      // Most have got all there was.
      if (response.writableFinished && !this.#tee) return;
      this.#gone.leave(new Error("the client is gone"));
      this.#tee?.drop("the client is gone");
    });
  }

  get #key(): string {
    const { origin, prefix } = this.#context;
    this.#keyMade ??= `${origin.protocol}//${this.#host}${prefix}${this.#target.path}`;
    return this.#keyMade;
  }

  get #host(): string {
    const { hostHeader, origin } = this.#context;
    return hostHeader === "origin" ? origin.host : this.#target.host;
  }

  get #offer(): PeerDistOffer | undefined {
    return this.#eligible && this.#reading.kind === "offer" ? this.#reading.offer : undefined;
  }

  async run(): Promise<void> {
    const offer = this.#offer;
    const kept = offer && (await this.#keptFor(offer));
    const condition = kept && conditionFor(kept);
    let upstream = await this.#open(condition ?? {});
    if (kept && condition && upstream.status === 304) {
      if (vouches(kept, upstream.headers) && (await this.#answerFrom(kept, offer, upstream))) return;
      upstream = await this.#open({});
    }
    await this.#answer(upstream);
  }

  /** What could be answered with Content Information, if the origin allowed it. */
  async #keptFor(offer: PeerDistOffer): Promise<KeptHead | undefined> {
    const { heads, publications } = this.#context;
    const { headers } = this.#request;
    if (this.#target.method !== "GET" || CONDITION_FIELDS.some((name) => headers[name] !== undefined))
      return undefined;
    const kept = heads.get(this.#key);
    if (!kept || !this.#partOf(kept)) return undefined;
    const found = await publications
      .lookup({ key: this.#key, validator: kept.validator, sizeBytes: kept.sizeBytes })
      .catch(() => undefined);
    const ready = offer.acceptedVersions.some(
      (version) => found?.[version === 2 ? "v2" : "v1"] !== undefined,
    );
    return ready ? kept : undefined;
  }

  #partOf(kept: KeptHead) {
    const { range } = this.#request.headers;
    if (range === undefined) return { startBytes: 0, endBytes: kept.sizeBytes };
    return satisfiedRange(range, kept.sizeBytes);
  }

  #open(add: Readonly<Record<string, string>>): Promise<Upstream> {
    const { dispatcher, origin, prefix } = this.#context;
    const { method, path, hasBody } = this.#target;
    return openUpstream(dispatcher, {
      origin: origin.origin,
      method,
      path: `${prefix}${path}`,
      fields: this.#fields(add, []),
      body: hasBody ? this.#request.iterator({ destroyOnReturn: false }) : null,
      signal: this.#gone,
    });
  }

  #fields(add: Readonly<Record<string, string>>, without: readonly string[]): string[] {
    const { forwarded } = this.#context;
    const offered = this.#offer !== undefined;
    return requestFields(this.#request, {
      host: this.#host,
      forwarded,
      // The coding is of the content as it is, and ours to make.
      without: offered ? [...without, ...OFFER_FIELDS] : without,
      add: offered ? { ...add, "Accept-Encoding": "identity" } : add,
    });
  }

  /** The origin's 304 lets the client have what is kept. False if that cannot be. */
  async #answerFrom(kept: KeptHead, offer: PeerDistOffer | undefined, upstream: Upstream): Promise<boolean> {
    const range = this.#partOf(kept);
    if (!offer || !range || fieldText(upstream.headers, "content-encoding") !== undefined) return false;
    const missing = Object.entries(kept.fields).filter(
      ([name]) => upstream.headers[name.toLowerCase()] === undefined,
    );
    const isPart = this.#request.headers.range !== undefined;
    const whole: Record<string, string> = {
      ...Object.fromEntries(missing),
      "Content-Length": String(range.endBytes - range.startBytes),
      ...(isPart && {
        "Content-Range": `bytes ${range.startBytes}-${range.endBytes - 1}/${kept.sizeBytes}`,
      }),
    };
    const lowered = Object.entries(whole).map(([name, value]) => [name.toLowerCase(), value]);
    const head: PlainAnswer = {
      status: isPart ? 206 : 200,
      headers: { ...upstream.headers, ...Object.fromEntries(lowered) },
    };
    const answer = { validator: kept.validator, sizeBytes: kept.sizeBytes, range };
    // What the origin's 304 vouches for, or nothing: there are no bytes to hash here.
    const provider = { lookup: this.#context.publications.lookup, request: async () => {} };
    const verdict = await this.#judge(offer, head, answer, provider);
    if (verdict.kind === "pass") return false;
    upstream.drop();
    await this.#replace(head, "", upstream, { ...whole, ...verdict.changes }, verdict.body);
    return true;
  }

  async #answer(upstream: Upstream): Promise<void> {
    const { heads } = this.#context;
    const answer = this.#eligible ? this.#codable(upstream) : undefined;
    if (!answer) {
      // A cache in front keeps a whole answer by its 304s.
      const vary = this.#eligible && upstream.status === 304 ? varyChanges(upstream.headers) : NO_CHANGES;
      this.#pass(upstream, vary);
      return;
    }
    const offer = this.#offer;
    if (!offer) {
      this.#pass(upstream, varyChanges(upstream.headers));
      return;
    }
    const head = headOf(answer.validator, answer.sizeBytes, upstream.headers);
    if (head) heads.set(this.#key, head);
    const verdict = await this.#judge(offer, upstream, answer, this.#source(upstream, answer));
    if (this.#gone.aborted) upstream.drop();
    else if (verdict.kind === "pass") this.#pass(upstream, verdict.changes);
    else {
      upstream.drop();
      await this.#replace(upstream, upstream.statusText, upstream, verdict.changes, verdict.body);
    }
  }

  #codable(upstream: Upstream): CodableAnswer | undefined {
    const { clock, filter } = this.#context;
    const { headers, status } = upstream;
    if (status !== 200 && status !== 206) return undefined;
    // Most of what passes is small, and needs no closer look.
    const lengthBytes = status === 200 ? readLength(fieldText(headers, "content-length")) : undefined;
    if (lengthBytes !== undefined && lengthBytes < filter.minSizeBytes) return undefined;
    const reading = readAnswer(upstream, clock.wallMs());
    if (reading.kind !== "codable" || !filter.answer(reading.answer.sizeBytes, headers)) return undefined;
    const validator = strongValidator(headers, clock.wallMs());
    return validator === undefined ? undefined : { ...reading.answer, validator };
  }

  #judge(
    offer: PeerDistOffer,
    head: PlainAnswer,
    answer: CodableAnswer,
    provider: PublicationProvider,
  ): Promise<CodingVerdict> {
    const { judge, observer } = this.#context;
    const vary = varyChanges(head.headers);
    const { signal } = this.#gone;
    const { method } = this.#target;
    return judge({ publications: provider, method, offer, head, answer, key: this.#key, vary, signal }).catch(
      (error: unknown): CodingVerdict => {
        observer.event("error", "publish.failed", { reason: errorMessage(error) });
        return { kind: "pass", changes: vary };
      },
    );
  }

  /** Where the bytes to be hashed come from: as they pass, unless the client itself waits for the hashes. */
  #source(upstream: Upstream, answer: CodableAnswer): PublicationProvider {
    const { clock, dispatcher, origin, prefix, publications, slowHashingMs } = this.#context;
    const passesWhole = this.#target.method === "GET" && upstream.status === 200 && !this.#offer?.hashRequest;
    const resource = { key: this.#key, validator: answer.validator, sizeBytes: answer.sizeBytes };
    const request = {
      origin: origin.origin,
      path: `${prefix}${this.#target.path}`,
      fields: this.#fields({}, [...CONDITION_FIELDS, "range"]),
    };
    return publications.from({
      tee: () => {
        if (!passesWhole || this.#gone.aborted) return undefined;
        this.#tee = createTee({ lengthBytes: answer.sizeBytes, clock, slowReaderMs: slowHashingMs });
        return this.#tee;
      },
      fetch: (signal) => fetchContent(dispatcher, request, resource, clock.wallMs(), signal),
    });
  }

  #pass(upstream: Upstream, changes: HeaderChanges): void {
    const { clock, observer, slowClientMs } = this.#context;
    countAnswer(observer, this.#reading, false, upstream);
    deliver({
      upstream,
      fields: responseFields(upstream.rawFields, this.#withLocation(changes, upstream)),
      response: this.#response,
      clock,
      tee: this.#tee,
      slowClientMs,
      onFailure: (error) => this.#report(error),
    });
  }

  async #replace(
    head: PlainAnswer,
    statusText: string,
    upstream: Upstream,
    changes: HeaderChanges,
    body: Iterable<Uint8Array>,
  ): Promise<void> {
    const { observer } = this.#context;
    countAnswer(observer, this.#reading, true, head);
    const fields = responseFields(upstream.rawFields, changes);
    await deliverInstead(this.#response, { status: head.status, statusText, fields, body });
  }

  /** A redirect to the origin's own name would lead the client past the gateway. */
  #withLocation(changes: HeaderChanges, upstream: Upstream): HeaderChanges {
    const { hostHeader, origin, prefix } = this.#context;
    if (hostHeader === "client") return changes;
    const location = fieldText(upstream.headers, "location");
    const start = `${origin.origin}${prefix}/`;
    return location?.startsWith(start) ? { ...changes, Location: location.slice(start.length - 1) } : changes;
  }

  #report(error: unknown): void {
    if (this.#gone.aborted) return;
    this.#context.observer.event("warn", "origin.failed", {
      url: redactUrl(this.#key),
      reason: reasonOf(error),
    });
  }

  fail(error: unknown): void {
    this.#report(error);
    if (this.#response.headersSent) this.#response.destroy();
    else if (!this.#response.destroyed) refuse(this.#response, STATUSES[errorCode(error) ?? ""] ?? 502);
  }
}

/** Codes say it all; messages may quote what the origin sent. */
function reasonOf(error: unknown): string {
  return errorCode(error) ?? (error instanceof Error ? error.name : "failed");
}

const STATUSES: Readonly<Record<string, number>> = {
  UND_ERR_CONNECT_TIMEOUT: 504,
  UND_ERR_HEADERS_TIMEOUT: 504,
  UND_ERR_INVALID_ARG: 400,
};
