/** WS-Discovery of one host: queries, answers and announcements on every chosen link. */
import { AsyncQueue } from "./async-queue.ts";
import { WsDiscoveryError } from "./errors.ts";
import { DISCOVERY_PORT, MAX_QUEUED_ITEMS } from "./limits.ts";
import { MessageReader } from "./message/read.ts";
import type {
  DiscoveryMessage,
  MessageBody,
  MessageHeader,
  ServiceDescription,
  ToHeader,
} from "./message/types.ts";
import { MessageWriter } from "./message/write.ts";
import type { Link } from "./net/links.ts";
import { Transport } from "./net/transport.ts";
import type { Endpoint } from "./ports.ts";
import { DuplicateTable } from "./protocol/duplicates.ts";
import { Pauses } from "./protocol/pauses.ts";
import { pooledRandom, randomInteger } from "./protocol/random.ts";
import { SequenceCounter, SequenceOrder } from "./protocol/sequence.ts";
import { SOAP_OVER_UDP_1_1 } from "./protocol/transmission.ts";
import { canonicalUri, identifierKey, newUuidUrn } from "./protocol/uuid.ts";
import { type RequestInfo, type RequestMessage, Responder, repliesToSource } from "./responder.ts";
import type {
  AnnouncementBody,
  AnnouncementMessage,
  DropReason,
  QueryOptions,
  ReceivedMatch,
  WsDiscovery,
  WsDiscoveryOptions,
} from "./types.ts";

interface OpenQuery {
  readonly to: Endpoint | undefined;
  onMatch(match: ReceivedMatch): void;
}

const NO_PREFIXES: Readonly<Record<string, string>> = {};

/**
 * Opens a socket on each link. The discovery port itself is bound by the first `respond` or `announcements`. Rejects with
 * `WSD_OPTION` for an impossible port. An interface that does not exist or cannot be used goes to `onError`, and is used
 * once it can be.
 */
export async function openWsDiscovery(options: WsDiscoveryOptions): Promise<WsDiscovery> {
  const { clock, timing = SOAP_OVER_UDP_1_1, versions = ["2005/04"], onLinkOnly = true } = options;
  if (options.port !== undefined && !(options.port >= 1 && options.port <= 65_535)) {
    throw new WsDiscoveryError("WSD_OPTION", `port has to be from 1 to 65535, not ${options.port}`);
  }
  const random = pooledRandom(options.random);
  const onError = (error: WsDiscoveryError) => options.onError?.(error);
  const drop = (reason: DropReason, from: Endpoint, error?: WsDiscoveryError) =>
    options.onDrop?.(reason, from, error);
  const pauses = new Pauses(clock);
  /** Fail the readers of the iterators in use when discovery is closed. */
  const closers = new Set<(reason: WsDiscoveryError) => void>();
  let closed: WsDiscoveryError | undefined;
  const queries = new Map<string, OpenQuery>();
  const responders = new Set<Responder>();
  const linkListeners = new Set<(added: readonly Link[]) => void>();
  const listeners = new Set<AsyncQueue<AnnouncementMessage>>();
  const reader = new MessageReader();
  const duplicates = new DuplicateTable();
  const order = new SequenceOrder();
  const sequence = new SequenceCounter(options.instanceId ?? Math.floor(clock.wallMs() / 1_000) >>> 0);

  /** A writer for each object of prefixes, since callers pass the same one again and again. */
  const writers = new WeakMap<Readonly<Record<string, string>>, MessageWriter>();
  function writerFor(prefixes: Readonly<Record<string, string>> = NO_PREFIXES): MessageWriter {
    let writer = writers.get(prefixes);
    if (!writer) {
      writer = new MessageWriter(prefixes);
      writers.set(prefixes, writer);
    }
    return writer;
  }

  const transport = new Transport({
    clock,
    pauses,
    random,
    datagrams: options.datagrams,
    interfaces: options.interfaces,
    families: options.families ?? [4, 6],
    port: options.port ?? DISCOVERY_PORT,
    multicastTtl: options.multicastTtl ?? 1,
    refreshMs: options.interfaceRefreshMs ?? 5_000,
    onDatagram,
    onError,
    onLinksAdded: (added) => {
      for (const listener of linkListeners) listener(added);
    },
  });

  function onDatagram(bytes: Uint8Array, from: Endpoint, link: Link | undefined): void {
    if (!link && onLinkOnly && ![...queries.values()].some((query) => query.to?.address === from.address)) {
      drop("off_link", from);
      return;
    }
    let message: DiscoveryMessage;
    try {
      message = reader.read(bytes);
    } catch (error) {
      drop("malformed", from, error as WsDiscoveryError);
      return;
    }
    if (!versions.includes(message.version) && !queries.has(identifierKey(message.relatesTo ?? ""))) {
      drop("version", from);
      return;
    }
    const key = identifierKey(message.messageId);
    const isNew = duplicates.isNew(key, clock.monotonicMs());
    if (message.kind === "Probe" || message.kind === "Resolve") {
      const { version, messageId } = message;
      onRequest(message, { version, messageId, from, link }, key, isNew);
    } else if (!isNew) {
      drop("duplicate", from);
    } else if (message.kind === "ProbeMatches") {
      for (const match of message.matches) onMatch(message, match, from, link);
    } else if (message.kind === "ResolveMatches") {
      if (message.match) onMatch(message, message.match, from, link);
    } else {
      onAnnouncement(message, from, link);
    }
  }

  function onRequest(message: RequestMessage, request: RequestInfo, key: string, isNew: boolean): void {
    if (!repliesToSource(message, request.from)) drop("reply_address", request.from);
    else if (isNew) for (const responder of responders) void responder.answer(message, request, key);
    else {
      const again = [...responders].filter((responder) => responder.answerAgain(request, key));
      if (again.length === 0) drop("duplicate", request.from);
    }
  }

  function onMatch(
    message: MessageHeader,
    service: ServiceDescription,
    from: Endpoint,
    link: Link | undefined,
  ): void {
    const { version, relatesTo } = message;
    const match = { service, version, relatesTo, from, link };
    const query = queries.get(identifierKey(relatesTo ?? ""));
    if (query) query.onMatch(match);
    else if (!options.onUnrelated?.(match)) drop("unrelated", from);
  }

  function onAnnouncement(
    message: MessageHeader & AnnouncementBody,
    from: Endpoint,
    link: Link | undefined,
  ): void {
    const address = message.kind === "Hello" ? message.service.address : message.address;
    const judged = order.judge(identifierKey(address), message.appSequence);
    if (judged === "older") {
      drop("older", from);
      return;
    }
    for (const queue of listeners) {
      const restarted = judged === "restarted";
      if (!queue.push({ ...message, from, link, restarted })) drop("backlog", from);
    }
  }

  async function* query(
    body: MessageBody,
    queryOptions: QueryOptions,
    accepts: (match: ReceivedMatch) => boolean,
  ): AsyncGenerator<ReceivedMatch, void> {
    const { timeoutMs, signal, version = "2005/04", to, prefixes, answerWithinMs = 0 } = queryOptions;
    assertOpen();
    signal?.throwIfAborted();
    const messageId = newUuidUrn(random);
    const key = identifierKey(messageId);
    const message: MessageHeader & ToHeader & MessageBody = { version, messageId, ...body };
    const bytes = writerFor(prefixes).write(message);
    const queue = new AsyncQueue<ReceivedMatch>(MAX_QUEUED_ITEMS);
    const stop = new AbortController();
    const release = failOnEnd(queue, signal);
    const cancelTimer = clock.after(timeoutMs, () => {
      queries.delete(key);
      queue.end();
    });
    queries.set(key, {
      to,
      onMatch(match) {
        if (accepts(match) && !queue.push(match)) drop("backlog", match.from);
      },
    });
    // Our listening socket receives our own multicast; noted here, that copy counts as a duplicate.
    duplicates.isNew(key, clock.monotonicMs());
    queryOptions.onStart?.(messageId);
    const lastAfterMs = timeoutMs - answerWithinMs;
    void sendQuery(bytes, to, { signal: stop.signal, lastAfterMs });
    try {
      yield* queue;
    } finally {
      stop.abort();
      cancelTimer();
      queries.delete(key);
      release();
    }
  }

  /** Fails the queue on abort and on close, until released. */
  function failOnEnd(queue: { fail(reason: unknown): void }, signal: AbortSignal | undefined): () => void {
    const onAbort = () => queue.fail(signal?.reason);
    const onClose = (reason: WsDiscoveryError) => queue.fail(reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    closers.add(onClose);
    return () => {
      signal?.removeEventListener("abort", onAbort);
      closers.delete(onClose);
    };
  }

  function sendQuery(
    bytes: Uint8Array,
    to: Endpoint | undefined,
    transmit: { readonly signal: AbortSignal; readonly lastAfterMs: number },
  ): Promise<void> {
    if (!to) return transport.multicast(bytes, { ...transmit, timing: timing.multicast });
    const family = to.address.includes(":") ? 6 : 4;
    const link = transport.linkOf(to.address, family) ?? transport.links.find((l) => l.family === family);
    return link
      ? transport.transmit(bytes, to, link, { ...transmit, timing: timing.unicast })
      : Promise.resolve();
  }

  function assertOpen(): void {
    if (closed) throw closed;
  }

  async function close(): Promise<void> {
    closed ??= new WsDiscoveryError("WSD_CLOSED", "discovery was closed");
    pauses.end();
    responders.clear();
    for (const closer of closers) closer(closed);
    await transport.close();
  }

  await transport.open();

  return {
    get links() {
      return transport.links;
    },
    probe: (probe, queryOptions) => query({ kind: "Probe", probe }, queryOptions, () => true),
    async resolve(address, queryOptions) {
      const wanted = canonicalUri(address);
      const accepts = (match: ReceivedMatch) => canonicalUri(match.service.address) === wanted;
      for await (const match of query({ kind: "Resolve", address }, queryOptions, accepts)) return match;
      return undefined;
    },
    async *announcements({ signal } = {}) {
      assertOpen();
      signal?.throwIfAborted();
      const queue = new AsyncQueue<AnnouncementMessage>(MAX_QUEUED_ITEMS);
      const release = failOnEnd(queue, signal);
      listeners.add(queue);
      try {
        await transport.listen();
        yield* queue;
      } finally {
        listeners.delete(queue);
        release();
      }
    },
    async respond(handler, respondOptions = {}) {
      assertOpen();
      const responder = new Responder(
        { clock, random, transport, sequence, timing: timing.unicast, pauses, onError },
        handler,
        respondOptions,
      );
      responders.add(responder);
      await transport.listen();
      return { close: () => void responders.delete(responder) };
    },
    async announce(body, announceOptions = {}) {
      const { version = "2005/04", prefixes, signal, delayMs, links } = announceOptions;
      assertOpen();
      if (delayMs && !(await pauses.wait(randomInteger(random, ...delayMs), signal))) return;
      const messageId = newUuidUrn(random);
      duplicates.isNew(identifierKey(messageId), clock.monotonicMs());
      const bytes = writerFor(prefixes).write({
        version,
        messageId,
        appSequence: sequence.next(),
        ...body,
      });
      await transport.multicast(bytes, {
        timing: timing.multicast,
        ...(signal && { signal }),
        ...(links && { links }),
      });
    },
    onLinksAdded(listener) {
      linkListeners.add(listener);
      return () => void linkListeners.delete(listener);
    },
    refresh: () => transport.refresh(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
