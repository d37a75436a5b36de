/** A service that announces itself and answers for itself. WSD05 4 to 6. */
import { APP_MAX_DELAY_MS } from "./limits.ts";
import { matchesProbe } from "./matching/match.ts";
import type { ScopeRule } from "./matching/scopes.ts";
import type { ServiceDescription } from "./message/types.ts";
import { writeMessage } from "./message/write.ts";
import { canonicalUri } from "./protocol/uuid.ts";
import type { ProtocolVersion } from "./protocol/versions.ts";
import type { RequestInfo } from "./responder.ts";
import type { WsDiscovery } from "./types.ts";

/** How a service announces itself and answers. */
export interface TargetServiceOptions {
  /** Versions in which Hello and Bye are sent; requests are answered in theirs. Default only 2005/04. */
  readonly versions?: readonly ProtocolVersion[];
  /** Milliseconds that Hello and answers wait at most. Default 500. */
  readonly appMaxDelayMs?: number;
  /** Rules for scopes beside those of the specification, by URI. */
  readonly rules?: ReadonlyMap<string, ScopeRule>;
  /** Prefix to namespace, declared on each envelope. */
  readonly prefixes?: Readonly<Record<string, string>>;
  /**
   * The addresses to tell this client, for instance the one on its own link. Instead of `xAddrs`, which Hello
   * then leaves out.
   */
  xAddrsFor?(request: RequestInfo): readonly string[];
}

/** A service that is announced, from `startTargetService` until `stop`. */
export interface TargetService extends AsyncDisposable {
  /** As it is announced now. */
  readonly service: ServiceDescription;
  /** Changes it, raises its metadata version and says Hello again. Resolves after the last repeat. */
  update(changes: Partial<Omit<ServiceDescription, "address" | "metadataVersion">>): Promise<void>;
  /** Answers no more and says Bye. Resolves after the last repeat. Twice is harmless; `await using` does the same. */
  stop(): Promise<void>;
}

/**
 * Answers from now on; Hello leaves after a random delay, and again on each link that comes later.
 * Throws `WSD_WRITE_VALUE` for a description that cannot be written.
 */
export async function startTargetService(
  discovery: WsDiscovery,
  description: ServiceDescription,
  options: TargetServiceOptions = {},
): Promise<TargetService> {
  const { versions = ["2005/04"], appMaxDelayMs = APP_MAX_DELAY_MS, rules, prefixes, xAddrsFor } = options;
  const delayMs = [0, appMaxDelayMs] as const;
  const hellos = new AbortController();
  const valid = (next: ServiceDescription): ServiceDescription => {
    writeMessage({ version: "2005/04", kind: "Hello", messageId: "urn:uuid:0", service: next });
    return next;
  };
  let service = valid(description);
  let stopped: Promise<void> | undefined;

  const forClient = (request: RequestInfo): ServiceDescription =>
    xAddrsFor ? { ...service, xAddrs: xAddrsFor(request) } : service;

  const responding = await discovery.respond(
    {
      onProbe: (probe, request) =>
        matchesProbe(probe, service, request.version, rules) ? () => forClient(request) : undefined,
      onResolve: (address, request) =>
        canonicalUri(address) === canonicalUri(service.address) ? () => forClient(request) : undefined,
    },
    { answerDelayMs: delayMs, ...(prefixes && { prefixes }) },
  );

  const sayHello = async (announce: Parameters<WsDiscovery["announce"]>[1]): Promise<void> => {
    await Promise.all(
      versions.map((version) =>
        discovery.announce(
          { kind: "Hello", service },
          { version, signal: hellos.signal, ...(prefixes && { prefixes }), ...announce },
        ),
      ),
    );
  };
  const endLinks = discovery.onLinksAdded((links) => void sayHello({ delayMs, links }));
  void sayHello({ delayMs });

  async function sayBye(): Promise<void> {
    endLinks();
    responding.close();
    hellos.abort();
    await Promise.all(
      versions.map((version) =>
        discovery.announce(
          { kind: "Bye", address: service.address },
          { version, ...(prefixes && { prefixes }) },
        ),
      ),
    );
  }

  const stop = (): Promise<void> => {
    stopped ??= sayBye();
    return stopped;
  };
  return {
    get service() {
      return service;
    },
    async update(changes) {
      service = valid({ ...service, ...changes, metadataVersion: service.metadataVersion + 1 });
      await sayHello({});
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
