/** Who is there: services as they come, change and go. WSD05 4. */
import { AsyncQueue } from "./async-queue.ts";
import { MAX_QUEUED_ITEMS, MAX_REMEMBERED_SERVICES } from "./limits.ts";
import type { ServiceDescription } from "./message/types.ts";
import { RecentMap } from "./protocol/recent-map.ts";
import { canonicalUri } from "./protocol/uuid.ts";
import type { WsDiscovery } from "./types.ts";

/** What happened to a service, and its description: the new one for `added` and `updated`. */
export type ServiceChange =
  | { readonly change: "added" | "updated"; readonly service: ServiceDescription }
  /** As it was known. The Bye of a service that was not known is no change. */
  | { readonly change: "removed"; readonly service: ServiceDescription };

/** What is known of each service. A Hello counts if its metadata version is new. */
export class ServiceTable {
  readonly #services = new RecentMap<ServiceDescription>(MAX_REMEMBERED_SERVICES);

  /** Undefined if nothing changed. After a restart of the endpoint any version is new. */
  hello(service: ServiceDescription, restarted: boolean): ServiceChange | undefined {
    const key = canonicalUri(service.address);
    const known = this.#services.get(key);
    if (known && !restarted && service.metadataVersion <= known.metadataVersion) return undefined;
    this.#services.set(key, service);
    return { change: known ? "updated" : "added", service };
  }

  bye(address: string): ServiceChange | undefined {
    const key = canonicalUri(address);
    const service = this.#services.get(key);
    this.#services.delete(key);
    return service && { change: "removed", service };
  }
}

/** How `watchServices` ends, and what it asks to complete a Hello. */
export interface WatchOptions {
  /** Ends the watching; `watchServices` throws its reason. */
  readonly signal?: AbortSignal;
  /** How long to wait for the transport addresses of a Hello that has none, in milliseconds. Default: they are not asked for. */
  readonly resolveMs?: number;
}

/** Listens to Hello and Bye until aborted, when it throws the reason, or left. */
export async function* watchServices(
  discovery: WsDiscovery,
  { signal, resolveMs }: WatchOptions = {},
): AsyncGenerator<ServiceChange, void> {
  const table = new ServiceTable();
  const changes = new AsyncQueue<ServiceChange>(MAX_QUEUED_ITEMS);
  const stop = new AbortController();
  const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;

  /** Changes that wait for their addresses, by endpoint: a later message of the endpoint overtakes them. */
  const resolving = new Map<string, Pick<ServiceChange, "change">>();

  const onHello = async (service: ServiceDescription, restarted: boolean): Promise<void> => {
    const known = table.hello(service, restarted);
    if (!known) return;
    const key = canonicalUri(service.address);
    const change = resolving.get(key)?.change === "added" ? "added" : known.change;
    if (resolveMs === undefined || service.xAddrs) {
      resolving.delete(key);
      changes.push({ change, service });
      return;
    }
    const waiting = { change };
    resolving.set(key, waiting);
    const match = await discovery
      .resolve(service.address, { timeoutMs: resolveMs, signal: stopped })
      .catch(() => undefined);
    if (resolving.get(key) !== waiting) return;
    resolving.delete(key);
    changes.push({ change, service: match?.service ?? service });
  };
  const onBye = (address: string): void => {
    const key = canonicalUri(address);
    const wasTold = resolving.get(key)?.change !== "added";
    resolving.delete(key);
    const change = table.bye(address);
    if (change && wasTold) changes.push(change);
  };
  const listen = async (): Promise<void> => {
    for await (const message of discovery.announcements({ signal: stopped })) {
      if (message.kind === "Hello") void onHello(message.service, message.restarted);
      else onBye(message.address);
    }
  };
  listen().then(
    () => changes.end(),
    (error: unknown) => changes.fail(error),
  );
  try {
    yield* changes;
  } finally {
    stop.abort();
  }
}
