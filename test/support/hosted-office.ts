/** An office with a hosted cache, in this process and on loopback. */
import { createMemoryStore, type Stores } from "@branchcache/cache-store";
import { originClient } from "@branchcache/http-encoding/node";
import {
  type DownloadReport,
  download,
  type HostedCacheService,
  type HostedCacheServiceOptions,
  type PeerNode,
  type PeerNodeOptions,
  startHostedCacheService,
  startPeerNode,
} from "@branchcache/peer-node";
import { systemClock as clock } from "@branchcache/runtime/node";
import { type RecordingObserver, recordingObserver } from "@branchcache/runtime/testing";
import { memorySink } from "./branch-node.ts";

export interface HostedOffice extends AsyncDisposable {
  readonly cache: HostedCacheService;
  readonly store: Stores;
  readonly observer: RecordingObserver;
  /** A machine of the office; what it may say is `overrides`. */
  client(overrides?: Partial<PeerNodeOptions>): Promise<OfficeClient>;
  /** Resolves when so many bytes are held and nothing is being pulled. */
  settled(bytes: number): Promise<void>;
}

interface OfficeClient extends AsyncDisposable {
  readonly node: PeerNode;
  readonly observer: RecordingObserver;
  readonly store: Stores;
  get(
    url: string,
    maxVersion?: 1 | 2,
  ): Promise<{ readonly content: Uint8Array; readonly report: DownloadReport }>;
}

const LIMIT_BYTES = 256 * 1024 * 1024;

export async function hostedOffice(options: Partial<HostedCacheServiceOptions> = {}): Promise<HostedOffice> {
  const observer = recordingObserver();
  const store = createMemoryStore({ limitBytes: LIMIT_BYTES, clock });
  const cache = await startHostedCacheService({
    store,
    http: { host: "127.0.0.1", port: 0 },
    allowOwnAddresses: true,
    observer,
    ...options,
  });
  const clients: OfficeClient[] = [];
  return {
    cache,
    store,
    observer,
    async client(overrides = {}) {
      const client = await officeClient(cache, overrides);
      clients.push(client);
      return client;
    },
    async settled(bytes) {
      for (;;) {
        await cache.offers.idle();
        if ((await store.blocks.usage()).bytes >= bytes && cache.offers.queued === 0) return;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      await cache.close();
      await store.close();
    },
  };
}

async function officeClient(
  { serving, servingTls }: HostedCacheService,
  { hostedClient, ...overrides }: Partial<PeerNodeOptions>,
): Promise<OfficeClient> {
  const observer = recordingObserver();
  const store = createMemoryStore({ limitBytes: LIMIT_BYTES, clock });
  const node = await startPeerNode({
    store,
    mode: "hosted-client",
    listen: { host: "127.0.0.1", port: 0 },
    observer,
    ...overrides,
    hostedClient: {
      servers: [{ host: "localhost", port: serving.port, priority: 0 }],
      ...(servingTls ? { httpsPort: servingTls.port } : {}),
      ...hostedClient,
    },
  });
  const origin = originClient({ clock });
  return {
    node,
    observer,
    store,
    async get(url, maxVersion = 2) {
      const sink = memorySink();
      const report = await download({ url, origin, branchCache: node, sink, clock, maxVersion });
      return { content: sink.content(), report };
    },
    async [Symbol.asyncDispose]() {
      await origin.close();
      await node.close();
      await store.close();
    },
  };
}
