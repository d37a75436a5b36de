/** Connections from a hosted cache to the clients whose offers it takes. */
import { RetrievalClient } from "@branchcache/retrieval";
import {
  type CancelTimer,
  type Clock,
  type Endpoint,
  formatEndpoint,
  type HttpPort,
  type Random,
} from "@branchcache/runtime";

export interface ClientLinksOptions {
  readonly http: HttpPort;
  readonly clock: Clock;
  readonly random: Random;
  /** Of a request. */
  readonly timeoutMs?: number;
}

/** How long a connection stays open after the last pull. */
const IDLE_MS = 5_000;

interface Link {
  readonly client: RetrievalClient;
  users: number;
  cancelIdle: CancelTimer | undefined;
}

/** One connection to each client, for all that is pulled from it. */
export class ClientLinks {
  readonly #options: ClientLinksOptions;
  readonly #links = new Map<string, Link>();

  constructor(options: ClientLinksOptions) {
    this.#options = options;
  }

  async use<T>(client: Endpoint, work: (client: RetrievalClient) => Promise<T>): Promise<T> {
    const name = formatEndpoint(client);
    let link = this.#links.get(name);
    if (!link) {
      link = {
        client: new RetrievalClient({ ...this.#options, addresses: [client], kind: "peer" }),
        users: 0,
        cancelIdle: undefined,
      };
      this.#links.set(name, link);
    }
    link.users++;
    link.cancelIdle?.();
    link.cancelIdle = undefined;
    try {
      return await work(link.client);
    } finally {
      if (--link.users === 0) this.#closeLater(name, link);
    }
  }

  close(): void {
    for (const { cancelIdle, client } of this.#links.values()) {
      cancelIdle?.();
      client.close();
    }
    this.#links.clear();
  }

  #closeLater(name: string, link: Link): void {
    link.cancelIdle = this.#options.clock.after(IDLE_MS, () => {
      link.client.close();
      if (this.#links.get(name) === link) this.#links.delete(name);
    });
  }
}
