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
  /** As it was known. The Bye of a service that was not is no change. */
  | { readonly change: "removed"; readonly service: ServiceDescription };

/** What is known of each service. By the metadata version, which grows when anything else changes. */
export class ServiceTable {
  readonly #services = new RecentMap<ServiceDescription>(MAX_REMEMBERED_SERVICES);

  /** Undefined if nothing changed. After a restart the version may have started anew. */
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
  readonly signal?: AbortSignal;
  /** A Hello without transport addresses is resolved for at most this many milliseconds. Default: not at all. */
  readonly resolveMs?: number;
}

/** Listens to Hello and Bye until aborted or left. */
export async function* watchServices(
  discovery: WsDiscovery,
  { signal, resolveMs }: WatchOptions = {},
): AsyncGenerator<ServiceChange, void> {
  const table = new ServiceTable();
  const changes = new AsyncQueue<ServiceChange>(MAX_QUEUED_ITEMS);
  const stop = new AbortController();
  const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;

  const tell = (change: ServiceChange | undefined) => {
    if (change) changes.push(change);
  };
  const onHello = async (service: ServiceDescription, restarted: boolean): Promise<void> => {
    const change = table.hello(service, restarted);
    if (!change || resolveMs === undefined || service.xAddrs) {
      tell(change);
      return;
    }
    const match = await discovery
      .resolve(service.address, { timeoutMs: resolveMs, signal: stopped })
      .catch(() => undefined);
    tell({ change: change.change, service: match?.service ?? service });
  };
  const listen = async (): Promise<void> => {
    for await (const message of discovery.announcements({ signal: stopped })) {
      if (message.kind === "Hello") void onHello(message.service, message.restarted);
      else tell(table.bye(message.address));
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
