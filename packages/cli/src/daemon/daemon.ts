/** The daemon's parts, put together as the settings say, and changed with them. */
import { join } from "node:path";
import type { PeerNode } from "@branchcache/peer-node";
import {
  BranchCacheError,
  combineObservers,
  errorCode,
  errorMessage,
  formatEndpoint,
  type Observer,
} from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import type { ManagedCache } from "../cache/managed-cache.ts";
import { type ConfigSources, type ResolvedConfig, resolveConfig } from "../config/resolve.ts";
import type { Settings } from "../config/schema.ts";
import type { ContentServer } from "../content/content-server.ts";
import { serveControl } from "../control/server.ts";
import { daemonChecks } from "../doctor/daemon-checks.ts";
import type { Finding } from "../doctor/finding.ts";
import { controlSocketBeside } from "../files/paths.ts";
import { Resources } from "../resources.ts";
import { Downloads } from "../telemetry/downloads.ts";
import { History } from "../telemetry/history.ts";
import { Journal } from "../telemetry/journal.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { Neighbours } from "../telemetry/neighbours.ts";
import { PeerBook } from "../telemetry/peer-book.ts";
import { rollUp } from "../telemetry/roll-up.ts";
import { version } from "../version.ts";
import { serveWeb, type WebServer } from "../web/server.ts";
import { batteryWatch } from "./battery.ts";
import { type Changes, changesBetween } from "./changes.ts";
import { controlMethods } from "./control-methods.ts";
import { type DaemonStore, openDaemonStore } from "./daemon-store.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { LogSwitch } from "./log-switch.ts";
import { NodeService } from "./node-service.ts";
import { OldestSegment } from "./oldest-segment.ts";
import { Retiring } from "./retiring.ts";
import { watchRoaming } from "./roaming.ts";
import { SelfChecks } from "./self-checks.ts";
import { gatherStatistics, type Statistics } from "./statistics.ts";
import { gatherStatus, type Status } from "./status.ts";

export class Daemon implements AsyncDisposable {
  readonly #sources: ConfigSources;
  readonly #resources = new Resources();
  readonly #log: LogSwitch;
  readonly #observer: Observer;
  readonly metrics: Metrics = new Metrics();
  readonly journal: Journal = new Journal(systemClock);
  readonly peers: PeerBook;
  readonly downloads: Downloads = new Downloads();
  readonly #neighbours = new Neighbours();
  readonly #checks: SelfChecks;
  readonly #startedMs = systemClock.monotonicMs();
  readonly #onBattery = batteryWatch(systemClock);
  readonly #oldest = new OldestSegment(systemClock);
  readonly #retiring = new Retiring();
  #config: ResolvedConfig;
  #store: DaemonStore | undefined;
  #node: NodeService | undefined;
  #history: History | undefined;
  #web: WebServer | undefined;
  #contentServer: ContentServer | undefined;
  #refused: string | undefined;
  /** Changes of settings, one after another. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(sources: ConfigSources, config: ResolvedConfig) {
    this.#sources = sources;
    this.#config = config;
    this.#log = new LogSwitch(config.settings.log);
    this.peers = new PeerBook(systemClock, () => this.settings.peer.quarantine);
    const reported = combineObservers(this.#log, this.journal, this.peers, this.#neighbours, this.metrics);
    this.#observer = rollUp(reported, systemClock);
    this.#checks = new SelfChecks(() => daemonChecks(this), systemClock, this.#observer);
  }

  /** Errors: `BC_CONFIG`, and those of the parts; nothing is left open then. */
  static async start(sources: ConfigSources): Promise<Daemon> {
    const daemon = new Daemon(sources, await resolveConfig(sources));
    try {
      // A reload asked for meanwhile waits: half of the parts could not follow it.
      await daemon.#afterOthers(() => daemon.#start());
    } catch (error) {
      // At a terminal the command prints the error itself.
      if (process.stderr.isTTY !== true) {
        const reason = errorMessage(error);
        daemon.#observer.event("error", "service.start_failed", { code: errorCode(error), reason });
      }
      await daemon.close().catch(() => {});
      throw error;
    }
    return daemon;
  }

  get settings(): Settings {
    return this.#config.settings;
  }

  get observer(): Observer {
    return this.#observer;
  }

  async #start(): Promise<void> {
    const { settings, warnings } = this.#config;
    const observer = this.#observer;
    this.#reportMode();
    // First, since it tells whether another daemon runs already.
    const control = await serveControl({
      path: settings.control.socket ?? controlSocketBeside(settings.api.socket),
      group: settings.control.group,
      methods: controlMethods(this),
    });
    this.#resources.defer(() => control.close());
    for (const warning of warnings) observer.event("warn", "config.role_conflict", { reason: warning });
    const { cache } = settings;
    const store = await this.#openStore();
    const housekeeping = startHousekeeping(store.blocks, systemClock, observer);
    this.#resources.defer(() => housekeeping.stop());
    const history = await History.start(this.metrics, systemClock, totalsFile(settings));
    this.#history = history;
    this.#resources.defer(() => history.stop());
    const node = new NodeService({
      store,
      downloads: this.downloads,
      onBattery: this.#onBattery,
      retiring: this.#retiring,
      observer,
    });
    this.#node = node;
    this.#resources.defer(() => node.close());
    this.#resources.defer(() => this.#retiring.ended());
    await node.start(this.#config);
    this.#resources.defer(() => this.#contentServer?.close(0));
    await this.#startContentServer();
    this.#resources.defer(() => this.#web?.close());
    await this.#startWeb();
    this.#checks.schedule();
    this.#resources.defer(() => this.#checks.stop());
    this.#resources.defer(
      watchRoaming(systemClock, (addresses) => {
        observer.event("info", "service.roamed", { addresses });
        // It has been reported as `config.rejected`.
        void this.#anew().catch(() => {});
      }),
    );
    this.#reportMode();
    observer.event("info", "service.started", {
      mode: settings.mode,
      serving: node.serving && formatEndpoint(node.serving.serving),
      cache: cache.data.path,
      socket: settings.api.socket,
      metrics: this.#web?.url,
      content_server: this.#contentServer?.url,
      pid: process.pid,
    });
    if (settings.mode === "disabled" && !settings.content_server.enabled) {
      observer.event("warn", "service.disabled", { cure: "branchcache enable distributed" });
      // So that `status` warns of it from the beginning.
      await this.checkNow();
    }
  }

  /**
   * Reads the settings again. What began under the old ones ends under them. Errors: `BC_CONFIG`, and those of the
   * parts; all is as it was then, and `refused` says why.
   */
  reload(): Promise<Changes> {
    return this.#afterOthers(() => this.#reload());
  }

  /** On another network: the settings once more, and a new node, since peers and hosted caches are others there. */
  #anew(): Promise<void> {
    return this.#afterOthers(async () => {
      await this.#reload();
      await this.#node?.start(this.#config).catch((error: unknown) => this.#refuse(error));
    });
  }

  #afterOthers<Result>(change: () => Promise<Result>): Promise<Result> {
    const done = this.#queue.then(change);
    this.#queue = done.catch(() => {});
    return done;
  }

  async #openStore(): Promise<DaemonStore> {
    const startMs = systemClock.monotonicMs();
    const store = await openDaemonStore(this.settings, this.#observer);
    this.#store = store;
    const path = this.settings.cache.data.path;
    this.#resources.defer(async () => {
      await store.close();
      this.#observer.event("debug", "cache.saved", { path });
    });
    const { bytes, segments } = await store.blocks.usage();
    this.#observer.event("info", "cache.loaded", {
      path,
      bytes,
      segments: segments.complete + segments.partial,
      elapsed_ms: Math.round(systemClock.monotonicMs() - startMs),
    });
    return store;
  }

  async #reload(): Promise<Changes> {
    const before = this.#config;
    let changes: Changes;
    try {
      const after = await resolveConfig(this.#sources);
      changes = changesBetween(before, after);
      await this.#follow(after, changes).catch(async (error: unknown) => {
        // As it was, rather than half of each; the next reload finds the same changes, and tries them again.
        await this.#follow(before, changes);
        throw error;
      });
    } catch (error) {
      await this.#refuse(error);
      throw error;
    }
    const wasRefused = this.#refused !== undefined;
    this.#refused = undefined;
    if (changes.keys.length > 0) {
      this.#reportMode();
      this.#observer.event("info", "config.changed", {
        keys: changes.keys.join(", "),
        ...(changes.restart.length > 0 ? { wants_restart: changes.restart.join(", ") } : {}),
      });
    }
    if (changes.keys.length > 0 || wasRefused) await this.checkNow();
    return changes;
  }

  /** Until settings are read that can be followed. */
  async #refuse(error: unknown): Promise<void> {
    this.#refused = errorMessage(error);
    this.#observer.event("error", "config.rejected", { reason: this.#refused });
    await this.checkNow();
  }

  /** Lets each part follow that one of the changes is about. */
  async #follow(config: ResolvedConfig, changes: Changes): Promise<void> {
    this.#config = config;
    const { settings } = config;
    if (changes.touches("log")) this.#log.use(settings.log);
    if (changes.touches("cache.data", "cache.hash", "cache.max_age")) await this.#store?.follow(settings);
    if (changes.touches("metrics")) {
      await this.#web?.close();
      this.#web = undefined;
      await this.#startWeb();
    }
    if (changes.touches("content_server")) {
      this.#retiring.add(this.#contentServer?.close(settings.api.stop_timeout));
      this.#contentServer = undefined;
      await this.#startContentServer();
    }
    await this.#node?.change(config, changes);
  }

  get config(): ResolvedConfig {
    return this.#config;
  }

  /** The cache as an administrator handles it. Throws `BC_STARTING` until it is open. */
  get cache(): ManagedCache {
    if (!this.#store) throw new BranchCacheError("BC_STARTING", "the daemon is starting");
    return this.#store.managed();
  }

  get node(): PeerNode | undefined {
    return this.#node?.node;
  }

  /** Of the latest checks, by itself or by `checkNow`. */
  get findings(): readonly Finding[] {
    return this.#checks.findings;
  }

  /** Why the settings that were read last are not followed; undefined where they are. */
  get refused(): string | undefined {
    return this.#refused;
  }

  get history(): History | undefined {
    return this.#history;
  }

  async status(): Promise<Status> {
    if (!this.#store) throw new BranchCacheError("BC_STARTING", "the daemon is starting");
    const { settings } = this;
    const status = await gatherStatus({
      settings,
      store: this.#store,
      serving: this.#node?.serving?.serving,
      servingTls: this.#node?.serving?.servingTls,
      hostedCaches: this.node?.hostedCaches ?? [],
      uptimeMs: systemClock.monotonicMs() - this.#startedMs,
      onBattery: this.#onBattery(),
      metricsUrl: this.#web?.url,
      contentServerUrl: this.#contentServer?.url,
      warnings: [
        ...this.#config.warnings,
        ...this.findings.flatMap(({ result, text, cure }) =>
          result === "bad" ? [cure === undefined ? text : `${text}: ${cure}`] : [],
        ),
      ],
    });
    const { data, hash } = status.cache;
    this.metrics.measure("cache_disk_bytes", data.disk_bytes, { cache: "data", path: data.path });
    this.metrics.measure("cache_bytes", hash.active_bytes, { cache: "hash" });
    if (hash.max_bytes !== null) this.metrics.measure("cache_limit_bytes", hash.max_bytes, { cache: "hash" });
    this.metrics.measure("publications", hash.entries);
    this.metrics.measure("peers", this.peers.active);
    return status;
  }

  /** Probes of others, by the version that they asked for. */
  neighbourVersions(): { readonly v1: number; readonly v2: number } {
    return this.#neighbours.probes;
  }

  statistics(): Statistics {
    if (!this.#history) throw new BranchCacheError("BC_STARTING", "the daemon is starting");
    return gatherStatistics(this.metrics, this.#history);
  }

  /** When the oldest segment was stored; undefined where that is not known. */
  async oldestMs(): Promise<number | undefined> {
    return this.#store && this.#oldest.createdMs(this.#store.blocks);
  }

  secretChanged(): void {
    this.#node?.forgetSecret();
    this.#observer.event("info", "config.changed", { keys: "content_server.secret_file" });
  }

  resetMetrics(): void {
    this.#history?.clear();
    this.metrics.reset();
    this.#reportMode();
  }

  async clearCache(): Promise<number> {
    return (await this.#store?.blocks.removeAll({ pinned: true })) ?? 0;
  }

  checkNow(): Promise<readonly Finding[]> {
    return this.#checks.run();
  }

  #reportMode(): void {
    const { mode, peer } = this.settings;
    this.metrics.forget("build_info");
    this.metrics.measure("build_info", 1, { version, mode });
    this.metrics.measure("service_status", mode === "disabled" ? 0 : this.#node?.isOpen ? 2 : 1);
    this.metrics.measure("uploads_limit", peer.max_uploads);
  }

  async #startWeb(): Promise<void> {
    const { metrics } = this.settings;
    if (!metrics.enabled) return;
    try {
      this.#web = await serveWeb(this, metrics, this.#observer);
    } catch (error) {
      // On the default port there may be another daemon of this machine already; this one does without.
      if (this.#config.written.get("metrics.listen")?.origin.kind !== "default") throw error;
    }
  }

  async #startContentServer(): Promise<void> {
    const { content_server: contentServer } = this.settings;
    if (!contentServer.enabled || !this.#store) return;
    // Loaded here, since only a node that serves content needs hashing threads, gateway and file server.
    const { startDaemonContentServer } = await import("./daemon-content-server.ts");
    this.#contentServer = await startDaemonContentServer(contentServer, this.#store, this.#observer);
  }

  /**
   * Takes nothing new from now on. Downloads and answers under way have `graceMs` to end; a program whose download is
   * cut off then fetches the rest from the origin. May be called twice.
   */
  async close(graceMs = 0): Promise<void> {
    await this.#queue;
    if (graceMs > 0) await Promise.all([this.#node?.drain(graceMs), this.#contentServer?.close(graceMs)]);
    await this.#resources[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** In the cache directory, so that totals are moved and removed together with the blocks that they count. */
function totalsFile({ cache }: Settings): string {
  return join(cache.data.path, "totals.json");
}
