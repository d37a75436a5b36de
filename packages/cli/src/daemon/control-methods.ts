/** The methods of the control socket, through which `branchcache` looks at a daemon and changes it. */
import type { PeerNode } from "@branchcache/peer-node";
import { BranchCacheError, type EventLevel, formatEndpoint, fromHex, toHex } from "@branchcache/runtime";
import { z } from "zod";
import { cacheMethods } from "../cache/cache-methods.ts";
import type { ManagedCache } from "../cache/managed-cache.ts";
import { findSetting } from "../config/keys.ts";
import { originText } from "../config/layers.ts";
import type { ResolvedConfig } from "../config/resolve.ts";
import { readParams } from "../control/params.ts";
import type { ControlMethod } from "../control/server.ts";
import type { Finding } from "../doctor/finding.ts";
import type { Downloads } from "../telemetry/downloads.ts";
import type { Journal, JournalEntry } from "../telemetry/journal.ts";
import { LOG_LEVELS } from "../telemetry/log-observer.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { PeerBook } from "../telemetry/peer-book.ts";
import type { Changes } from "./changes.ts";
import type { Statistics } from "./statistics.ts";
import type { Status } from "./status.ts";

/** The daemon, as far as its administrators reach. */
export interface ControlledDaemon {
  readonly config: Pick<ResolvedConfig, "written">;
  readonly node: Pick<PeerNode, "whoHas"> | undefined;
  /** Throws `BC_STARTING`. */
  readonly cache: ManagedCache;
  readonly findings: readonly Finding[];
  readonly journal: Pick<Journal, "latest" | "follow">;
  readonly peers: Pick<PeerBook, "list">;
  readonly downloads: Pick<Downloads, "list">;
  readonly metrics: Pick<Metrics, "registry">;
  status(): Promise<Status>;
  statistics(): Statistics;
  reload(): Promise<Changes>;
  checkNow(): Promise<readonly Finding[]>;
  secretChanged(): void;
  resetMetrics(): void;
  /** Gives how many segments were removed. */
  clearCache(): Promise<number>;
}

/** Events that wait for a follower's socket to take them. */
const FOLLOW_WAITING_MAX = 10_000;

export interface EventItem {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

function eventItem({ atMs, level, event, fields }: JournalEntry): EventItem {
  return { time: new Date(atMs).toISOString(), level, event, ...fields };
}

const eventsParams = z.strictObject({
  max: z.int().min(0).max(1_000).prefault(100),
  follow: z.boolean().prefault(false),
  level: z.enum(LOG_LEVELS).prefault("trace"),
});
const probeParams = z.strictObject({
  segments: z
    .array(z.string().regex(/^[0-9a-fA-F]{2,256}$/))
    .min(1)
    .max(100),
});
const resetParams = z.strictObject({
  metrics: z.boolean().prefault(false),
  cache: z.boolean().prefault(false),
});

export function controlMethods(daemon: ControlledDaemon): Readonly<Record<string, ControlMethod>> {
  return {
    status: { rights: "read", run: () => daemon.status() },
    stats: { rights: "read", run: () => daemon.statistics() },
    peers: { rights: "read", run: () => daemon.peers.list() },
    downloads: { rights: "read", run: () => daemon.downloads.list() },
    metrics: { rights: "read", run: () => daemon.metrics.registry.metrics() },
    findings: { rights: "read", run: () => daemon.findings },
    config: {
      rights: "read",
      run: () =>
        Object.fromEntries(
          [...daemon.config.written].map(([key, { value, origin }]) => [
            key,
            { value: findSetting(key)?.isSecret ? "***" : (value ?? null), origin: originText(origin) },
          ]),
        ),
    },
    events: {
      rights: "read",
      async run({ params, send, signal }) {
        const { max, follow, level: least } = readParams(eventsParams, params ?? {});
        const wanted = (level: EventLevel) => LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
        for (const entry of daemon.journal.latest(max, wanted)) await send(eventItem(entry));
        if (!follow || signal.aborted) return;
        // Who reads too slowly misses events rather than filling the daemon's memory.
        let waiting = 0;
        const stop = daemon.journal.follow((entry) => {
          if (!wanted(entry.level) || waiting >= FOLLOW_WAITING_MAX) return;
          waiting++;
          void send(eventItem(entry)).finally(() => waiting--);
        });
        await new Promise<void>((resolve) =>
          signal.addEventListener("abort", () => resolve(), { once: true }),
        );
        stop();
      },
    },
    reload: {
      rights: "full",
      async run() {
        const { keys, restart } = await daemon.reload();
        return { keys, restart };
      },
    },
    probe: {
      rights: "full",
      async run({ params, send, signal }) {
        const { segments } = readParams(probeParams, params);
        const node = daemon.node;
        if (!node)
          throw new BranchCacheError(
            "BC_DISABLED",
            "BranchCache is switched off on this machine: branchcache enable",
          );
        const ids = segments.flatMap((text) => fromHex(text) ?? []);
        for (const version of [2, 1] as const) {
          for await (const { peer, segments: held } of node.whoHas(ids, { version, signal })) {
            await send({
              peer: peer.id,
              addresses: peer.addresses.map(formatEndpoint),
              version,
              segments: held.map(({ id, complete, ageMs }) => ({
                id: toHex(id),
                complete,
                age_ms: ageMs ?? null,
              })),
            });
          }
        }
      },
    },
    ...cacheMethods(() => daemon.cache),
    "secret-changed": { rights: "full", run: () => daemon.secretChanged() },
    check: { rights: "full", run: () => daemon.checkNow() },
    reset: {
      rights: "full",
      async run({ params }) {
        const { metrics, cache } = readParams(resetParams, params ?? {});
        if (metrics) daemon.resetMetrics();
        if (cache) return { segments: await daemon.clearCache() };
        return {};
      },
    },
  };
}
