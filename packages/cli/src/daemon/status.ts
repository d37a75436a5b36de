/** What the daemon is and does: the tree that Windows has in Get-BCStatus, in our names. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { HostedCacheState } from "@branchcache/peer-node";
import { type Endpoint, formatEndpoint } from "@branchcache/runtime";
import type { Settings } from "../config/schema.ts";
import { certificateFilesOf } from "../hosted/certificate.ts";
import { version } from "../version.ts";
import type { DaemonStore } from "./daemon-store.ts";

export interface CacheStatus {
  readonly path: string;
  readonly max_percent: number | null;
  readonly max_bytes: number | null;
  readonly disk_bytes: number;
  readonly active_bytes: number;
}

export interface Status {
  readonly enabled: boolean;
  readonly service: {
    readonly state: "running";
    readonly pid: number;
    readonly version: string;
    readonly uptime_ms: number;
  };
  readonly client: {
    readonly mode: Settings["mode"];
    readonly preferred_content_information_version: 1 | 2;
    readonly distributed_caching_enabled: boolean;
    readonly serve_on_battery: boolean;
    readonly on_battery: boolean;
    /** As the settings name them. */
    readonly hosted_cache_servers: readonly string[];
    /** Those that are used now, named or found by DNS. */
    readonly hosted_caches: readonly {
      readonly server: string;
      /** False while it is left alone, since it did not answer lately. */
      readonly answers: boolean;
      readonly offers_waiting: number;
    }[];
    readonly hosted_cache_discovery_enabled: boolean;
    readonly hosted_cache_version: 1 | 2;
  };
  readonly content_server: {
    readonly enabled: boolean;
    readonly url: string | null;
    /** The directory that it serves; null for a gateway. */
    readonly root: string | null;
    /** The web server that it stands in front of. */
    readonly origin: string | null;
    /** Smaller content is always sent plain. */
    readonly min_size: number;
  };
  readonly hosted_server: {
    readonly enabled: boolean;
    /** Null where it does not listen. */
    readonly http_port: number | null;
    readonly https_port: number | null;
    readonly certificate: string | null;
    readonly client_auth: Settings["hosted_server"]["client_auth"];
    /** Address ranges; all where there are none. */
    readonly offer_from: readonly string[];
    /** Whether offers by HTTP are taken. */
    readonly http_offers: boolean;
  };
  readonly network: {
    readonly retrieval: {
      readonly serving: boolean;
      readonly listen_address: string | null;
      readonly listen_port: number | null;
    };
    readonly discovery: {
      readonly enabled: boolean;
      readonly port: number;
      readonly interfaces: readonly string[];
    };
    readonly hosted_http: { readonly listen_port: number; readonly connect_port: number };
    readonly hosted_https: { readonly listen_port: number; readonly connect_port: number };
    readonly metrics: { readonly url: string | null };
  };
  readonly cache: {
    readonly data: CacheStatus & {
      readonly segments: { readonly complete: number; readonly partial: number };
      readonly extensions: readonly string[];
    };
    readonly hash: CacheStatus & { readonly entries: number };
  };
  /** What an administrator should look at; `status` ends with 4 when there is something. */
  readonly warnings: readonly string[];
}

export interface StatusSources {
  readonly settings: Settings;
  readonly store: DaemonStore;
  readonly serving: Endpoint | undefined;
  /** Where a hosted cache takes offers by HTTPS. */
  readonly servingTls: Endpoint | undefined;
  readonly hostedCaches: readonly HostedCacheState[];
  readonly uptimeMs: number;
  readonly onBattery: boolean;
  readonly metricsUrl: string | undefined;
  readonly contentServerUrl: string | undefined;
  readonly warnings: readonly string[];
}

export async function gatherStatus(from: StatusSources): Promise<Status> {
  const { settings, store, serving } = from;
  const { peer, discovery, cache, content_server: contentServer } = settings;
  const { hosted_client: client, hosted_server: server } = settings;
  const usage = await store.blocks.usage();
  const hashes = await store.publications.usage();
  const dataPath = cache.data.path;
  return {
    enabled: settings.mode !== "disabled",
    service: { state: "running", pid: process.pid, version, uptime_ms: Math.round(from.uptimeMs) },
    client: {
      mode: settings.mode,
      preferred_content_information_version: settings.content_info.preferred,
      distributed_caching_enabled: settings.mode === "distributed",
      serve_on_battery: peer.serve_on_battery,
      on_battery: from.onBattery,
      hosted_cache_servers: client.servers,
      hosted_caches: from.hostedCaches.map(({ address: { host, port }, answers, queuedOffers }) => ({
        server: formatEndpoint({ address: host, port }),
        answers,
        offers_waiting: queuedOffers,
      })),
      hosted_cache_discovery_enabled: client.discover,
      hosted_cache_version: client.offer_version,
    },
    content_server: {
      enabled: contentServer.enabled,
      url: from.contentServerUrl ?? null,
      root: contentServer.root ?? null,
      origin: contentServer.origin ?? null,
      min_size: contentServer.min_size,
    },
    hosted_server: hostedServerStatus(from),
    network: {
      retrieval: {
        serving: serving !== undefined,
        listen_address: serving?.address ?? null,
        listen_port: serving?.port ?? null,
      },
      discovery: {
        enabled: findsPeers(from),
        port: discovery.port,
        interfaces: peer.interfaces,
      },
      hosted_http: { listen_port: server.http_port, connect_port: client.http_port },
      hosted_https: { listen_port: server.https_port, connect_port: client.https_port },
      metrics: { url: from.metricsUrl ?? null },
    },
    cache: {
      data: {
        path: dataPath,
        max_percent: cache.data.max_percent ?? null,
        // A cluster may be without a limit.
        max_bytes: Number.isFinite(usage.limitBytes) ? usage.limitBytes : null,
        disk_bytes: await bytesOnDisk(dataPath),
        active_bytes: usage.bytes,
        segments: { complete: usage.segments.complete, partial: usage.segments.partial },
        extensions: store.extensions(),
      },
      hash: {
        path: dataPath,
        max_percent: cache.hash.max_percent ?? null,
        max_bytes: hashes.limitBytes ?? null,
        disk_bytes: hashes.bytes,
        active_bytes: hashes.bytes,
        entries: hashes.entries,
      },
    },
    warnings: from.warnings,
  };
}

function hostedServerStatus({ settings, serving, servingTls }: StatusSources): Status["hosted_server"] {
  const { mode, hosted_server: server } = settings;
  const enabled = mode === "hosted-server";
  return {
    enabled,
    http_port: (enabled ? serving?.port : undefined) ?? null,
    https_port: servingTls?.port ?? null,
    certificate: servingTls ? certificateFilesOf(settings).cert : null,
    client_auth: server.client_auth,
    offer_from: server.offer_from,
    http_offers: server.client_auth !== "tls" || server.open_http,
  };
}

function findsPeers({ settings: { mode, hosted_client: client }, hostedCaches }: StatusSources): boolean {
  if (mode === "distributed") return true;
  if (mode !== "hosted-client" && mode !== "auto") return false;
  return client.also_peers || (mode === "auto" && hostedCaches.length === 0);
}

async function bytesOnDisk(directory: string): Promise<number> {
  let bytes = 0;
  for (const part of [directory, join(directory, "blocks")]) {
    for (const name of await readdir(part).catch(() => [])) {
      const found = await stat(join(part, name)).catch(() => undefined);
      if (found?.isFile()) bytes += found.blocks * 512;
    }
  }
  return bytes;
}
