/** Answers probes and resolves: after a delay one datagram and its repeats, and the same again for a late duplicate. */

import { detachText } from "./detach-text.ts";
import { WsDiscoveryError } from "./errors.ts";
import { MAX_PENDING_ANSWERS } from "./limits.ts";
import {
  AnswerTemplate,
  isTemplateMatch,
  type MatchTemplate,
  type TemplateMatch,
} from "./message/template.ts";
import type { DiscoveryMessage, Probe, ServiceDescription } from "./message/types.ts";
import { MessageWriter } from "./message/write.ts";
import { sameEndpoint, withoutZone } from "./net/address.ts";
import type { Link } from "./net/links.ts";
import type { Transport } from "./net/transport.ts";
import type { Clock, Endpoint, Random } from "./ports.ts";
import type { Pauses, Task } from "./protocol/pauses.ts";
import { randomInteger } from "./protocol/random.ts";
import { RateLimit } from "./protocol/rate-limit.ts";
import { RecentMap } from "./protocol/recent-map.ts";
import type { SequenceCounter } from "./protocol/sequence.ts";
import type { TransmissionTiming } from "./protocol/transmission.ts";
import { newUuidUrn } from "./protocol/uuid.ts";
import { type ProtocolVersion, VERSIONS } from "./protocol/versions.ts";

/** Where a request came from. */
export interface RequestInfo {
  readonly version: ProtocolVersion;
  /** As it was written. */
  readonly messageId: string;
  readonly from: Endpoint;
  /** The link it came in on; undefined for a source off our links, which gets here only without `onLinkOnly`. */
  readonly link: Link | undefined;
}

/** What an answer says: a description, or a template and its texts, which is faster to write. */
export type Match = ServiceDescription | TemplateMatch;

/** Makes the match when the delay is over; undefined if there is nothing to answer any more. */
export type MatchBuilder = () => Match | undefined | Promise<Match | undefined>;

/** What makes the answer to a request; undefined leaves it unanswered. */
export type RequestDecision = MatchBuilder | undefined;

/** Decides which requests are answered. What it returns is called after the delay, to make the answer. WSD05 5.3, 6.3. */
export interface RequestHandler {
  /** Decides whether the probe is answered. What it throws goes to `onError`. */
  onProbe(probe: Probe, request: RequestInfo): RequestDecision | Promise<RequestDecision>;
  /** As `onProbe`, for a client that wants the endpoint with this address. */
  onResolve?(address: string, request: RequestInfo): RequestDecision | Promise<RequestDecision>;
}

/** Timing, limits and form of the answers of one handler. */
export interface RespondOptions {
  /** The shortest and the longest random delay before an answer, in milliseconds. Default 0 and 500. */
  readonly answerDelayMs?: readonly [number, number];
  /** From how many milliseconds after its answer on a duplicate of a request gets the same bytes again. Default: never. */
  readonly reanswerAfterMs?: number;
  /** Answers to one source in a second, at most. Default 100. */
  readonly answersPerSecond?: number;
  /** Prefix to namespace, declared on the envelope of each answer. */
  readonly prefixes?: Readonly<Record<string, string>>;
  /** Told when an answer has left. */
  onAnswered?(request: RequestInfo): void;
  /** Told of a request that goes unanswered because its source, or all together, ask too much. */
  onLimited?(request: RequestInfo): void;
}

export interface ResponderContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly sequence: SequenceCounter;
  readonly timing: TransmissionTiming;
  readonly pauses: Pauses;
  onError(error: WsDiscoveryError): void;
}

interface Answered {
  readonly from: Endpoint;
  readonly bytes: Uint8Array;
  atMs: number;
}

/** An answer that waits for its delay. It does not keep the message alive: many wait at a time. */
class WaitingAnswer implements Task {
  readonly kind: RequestMessage["kind"];
  /** `identifierKey` of the request's MessageID. */
  readonly key: string;
  readonly request: RequestInfo;
  readonly build: MatchBuilder;
  readonly #responder: Responder;

  constructor(
    responder: Responder,
    { kind, key, request, build }: Pick<WaitingAnswer, "kind" | "key" | "request" | "build">,
  ) {
    this.kind = kind;
    this.key = key;
    this.request = request;
    this.build = build;
    this.#responder = responder;
  }

  run(): void {
    void this.#responder.finish(this);
  }
}

const MAX_REMEMBERED_ANSWERS = 1_024;

export type RequestMessage = Extract<DiscoveryMessage, { readonly kind: "Probe" | "Resolve" }>;

export class Responder {
  readonly #context: ResponderContext;
  readonly #handler: RequestHandler;
  readonly #options: RespondOptions;
  readonly #rate: RateLimit;
  readonly #answers = new RecentMap<Answered>(MAX_REMEMBERED_ANSWERS);
  readonly #writer: MessageWriter;
  /** By version of the protocol; undefined for a template that `AnswerTemplate` cannot take apart. */
  readonly #templates = new WeakMap<MatchTemplate, Map<ProtocolVersion, AnswerTemplate | undefined>>();
  #pending = 0;

  constructor(context: ResponderContext, handler: RequestHandler, options: RespondOptions) {
    this.#context = context;
    this.#handler = handler;
    this.#options = options;
    this.#writer = new MessageWriter(options.prefixes);
    this.#rate = new RateLimit(options.answersPerSecond ?? 100);
  }

  /** Takes a request that was not seen before. */
  async answer(message: RequestMessage, request: RequestInfo, key: string): Promise<void> {
    const { random, pauses, onError } = this.#context;
    if (this.#pending >= MAX_PENDING_ANSWERS) {
      this.#options.onLimited?.(request);
      return;
    }
    this.#pending++;
    try {
      const build = await this.#decide(message, request);
      if (build && this.#rateAllows(request)) {
        keepable(request);
        const [fromMs, toMs] = this.#options.answerDelayMs ?? [0, 500];
        const answer = new WaitingAnswer(this, { kind: message.kind, key, request, build });
        pauses.after(randomInteger(random, fromMs, toMs), answer);
        return;
      }
    } catch (error) {
      onError(asError(error));
    }
    this.#pending--;
  }

  /** Takes a duplicate of a request. True if it is answered again; not while its first answer waits. */
  answerAgain(request: RequestInfo, key: string): boolean {
    const known = this.#answers.get(key);
    const { reanswerAfterMs = Number.POSITIVE_INFINITY } = this.#options;
    if (!known || !sameEndpoint(known.from, request.from)) return false;
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs - known.atMs < reanswerAfterMs || !this.#rateAllows(request)) return false;
    known.atMs = nowMs;
    this.#answers.set(key, known);
    this.#send(known.bytes, request);
    return true;
  }

  /** Sends the answer, its delay being over. */
  async finish({ kind, key, request, build }: WaitingAnswer): Promise<void> {
    const { clock, onError } = this.#context;
    try {
      const match = await build();
      if (!match) return;
      const bytes = this.#write(kind, request, match);
      this.#answers.set(key, { from: request.from, bytes, atMs: clock.monotonicMs() });
      this.#send(bytes, request);
      this.#options.onAnswered?.(request);
    } catch (error) {
      onError(asError(error));
    } finally {
      this.#pending--;
    }
  }

  #decide(message: RequestMessage, request: RequestInfo): RequestDecision | Promise<RequestDecision> {
    return message.kind === "Probe"
      ? this.#handler.onProbe(message.probe, request)
      : this.#handler.onResolve?.(message.address, request);
  }

  #rateAllows(request: RequestInfo): boolean {
    if (this.#rate.take(request.from.address, this.#context.clock.monotonicMs())) return true;
    this.#options.onLimited?.(request);
    return false;
  }

  #write(kind: RequestMessage["kind"], request: RequestInfo, match: Match): Uint8Array {
    const { random, sequence } = this.#context;
    const { version, messageId: relatesTo } = request;
    const appSequence = sequence.next();
    if (isTemplateMatch(match) && kind === "Probe") {
      const { messageNumber } = appSequence;
      const bytes = this.#template(match.template, version)?.fill({
        random,
        relatesTo,
        messageNumber,
        texts: match.texts,
      });
      if (bytes) return bytes;
    }
    const description = isTemplateMatch(match) ? match.template.describe(match.texts) : match;
    const header = { version, messageId: newUuidUrn(random), relatesTo, appSequence };
    return this.#writer.write(
      kind === "Probe"
        ? { ...header, kind: "ProbeMatches", matches: [description] }
        : { ...header, kind: "ResolveMatches", match: description },
    );
  }

  #template(template: MatchTemplate, version: ProtocolVersion): AnswerTemplate | undefined {
    let prepared = this.#templates.get(template);
    if (!prepared) {
      prepared = new Map();
      this.#templates.set(template, prepared);
    }
    if (!prepared.has(version)) {
      const { instanceId } = this.#context.sequence;
      prepared.set(version, AnswerTemplate.of(template, this.#writer, version, instanceId));
    }
    return prepared.get(version);
  }

  #send(bytes: Uint8Array, request: RequestInfo): void {
    const { transport, timing } = this.#context;
    const link = request.link ?? transport.links[0];
    if (link) transport.reply(bytes, request.from, link, timing);
  }
}

/** Whether the answer is wanted at the source. Any other reply address would let a stranger have others flooded. */
export function repliesToSource(message: DiscoveryMessage, from: Endpoint): boolean {
  const { replyTo } = message;
  if (replyTo === undefined || replyTo === VERSIONS[message.version].anonymous) return true;
  const match = /^soap\.udp:\/\/(?:\[([^\]/]+)\]|([^:/[\]]+)):(\d{1,5})(?:\/|$)/i.exec(replyTo);
  if (!match) return false;
  const address = match[1] ?? match[2] ?? "";
  return sameEndpoint(
    { address: withoutZone(address), port: Number(match[3]) },
    { address: withoutZone(from.address), port: from.port },
  );
}

/** Detaches its texts from the datagram; in place, since the handler may keep the request as well. */
function keepable(request: { -readonly [Name in keyof RequestInfo]: RequestInfo[Name] }): void {
  request.messageId = detachText(request.messageId);
}

function asError(error: unknown): WsDiscoveryError {
  if (error instanceof WsDiscoveryError) return error;
  return new WsDiscoveryError("WSD_HANDLER", error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}
