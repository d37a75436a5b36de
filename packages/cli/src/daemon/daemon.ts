/** The daemon's parts, put together as the settings say, and changed with them. */
import { join } from "node:path";
import { type ApiServer, type PeerNode, serveApi, startPeerNode } from "@branchcache/peer-node";
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
import { faultAndCure } from "../config/setting-error.ts";
import { serveControl } from "../control/server.ts";
import { daemonChecks } from "../doctor/daemon-checks.ts";
import type { Finding } from "../doctor/finding.ts";
import { controlSocketBeside } from "../files/paths.ts";
import { checkServerSecret } from "../files/secret-file.ts";
import { hostedClientOptions } from "../hosted/from-settings.ts";
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
import type { ContentServer } from "./content-server.ts";
import { controlMethods } from "./control-methods.ts";
import { type DaemonStore, openDaemonStore } from "./daemon-store.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { LogSwitch } from "./log-switch.ts";
import { nodeOptions } from "./node-options.ts";
import { NodeSwitch } from "./node-switch.ts";
import { OldestSegment } from "./oldest-segment.ts";
import { type PeerDistApi, peerDistApi } from "./peerdist-api.ts";
import { watchRoaming } from "./roaming.ts";
import { type Serving, startServing } from "./serving.ts";
import { gatherStatistics, type Statistics } from "./statistics.ts";
import { gatherStatus, type Status } from "./status.ts";

/** What is looked at by itself, once the node had time to settle and then now and then. */
const FIRST_CHECK_MS = 3_000;
const CHECK_EVERY_MS = 15 * 60_000;

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
  readonly #switch: NodeSwitch;
  readonly #startedMs = systemClock.monotonicMs();
  readonly #onBattery = batteryWatch(systemClock);
  #config: ResolvedConfig;
  #store: DaemonStore | undefined;
  #serving: Serving | undefined;
  #api: ApiServer | undefined;
  #peerDist: PeerDistApi | undefined;
  #history: History | undefined;
  #web: WebServer | undefined;
  #contentServer: ContentServer | undefined;
  #findings: readonly Finding[] = [];
  #refused: string | undefined;
  readonly #oldest = new OldestSegment(systemClock);
  readonly #retiring = new Set<Promise<void>>();
  /** One change after another. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(sources: ConfigSources, config: ResolvedConfig) {
    this.#sources = sources;
    this.#config = config;
    this.#log = new LogSwitch(config.settings.log);
    this.peers = new PeerBook(systemClock, () => this.settings.peer.quarantine);
    const reported = combineObservers(this.#log, this.journal, this.peers, this.#neighbours, this.metrics);
    this.#observer = rollUp(reported, systemClock);
    this.#switch = new NodeSwitch(this.downloads, this.#observer);
  }

  /** Errors: `BC_CONFIG`, and those of the parts; nothing is left open then. */
  static async start(sources: ConfigSources): Promise<Daemon> {
    const daemon = new Daemon(sources, await resolveConfig(sources));
    try {
      await daemon.#start();
    } catch (error) {
      // Whoever sits at a terminal reads it from the command itself.
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
    this.#resources.defer(() => this.#serving?.close(0));
    this.#resources.defer(() => this.#switch.close());
    this.#resources.defer(() => this.#api?.close());
    await this.#startNode();
    this.#resources.defer(() => Promise.all(this.#retiring));
    this.#resources.defer(() => this.#contentServer?.close(0));
    await this.#startContentServer();
    this.#resources.defer(() => this.#web?.close());
    await this.#startWeb();
    this.#scheduleChecks();
    this.#resources.defer(
      watchRoaming(systemClock, (addresses) => {
        observer.event("info", "service.roamed", { addresses });
        // Whatever is wrong with it was told already.
        void this.#anew().catch(() => {});
      }),
    );
    this.#reportMode();
    observer.event("info", "service.started", {
      mode: settings.mode,
      serving: this.#serving && formatEndpoint(this.#serving.serving),
      cache: cache.data.path,
      socket: settings.api.socket,
      metrics: this.#web?.url,
      content_server: this.#contentServer?.url,
      pid: process.pid,
    });
    if (settings.mode === "disabled" && !settings.content_server.enabled) {
      observer.event("warn", "service.disabled", { cure: "branchcache enable distributed" });
      // `status` says so from the beginning.
      await this.checkNow();
    }
  }

  /**
   * Reads the settings again. What began under the old ones ends under them. Errors: `BC_CONFIG`, those of the parts; all is
   * as it was then, and `refused` says why.
   */
  reload(): Promise<Changes> {
    const done = this.#queue.then(() => this.#reload());
    this.#queue = done.catch(() => {});
    return done;
  }

  /** Settings, and then peers and hosted caches, which are others elsewhere. */
  #anew(): Promise<void> {
    const done = this.#queue.then(async () => {
      await this.#reload();
      await this.#startNode().catch((error: unknown) => this.#refuse(error));
    });
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
      this.#config = after;
      await this.#apply(changes).catch(async (error: unknown) => {
        // As it was, rather than half of each.
        this.#config = before;
        await this.#apply(changes);
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

  async #apply(changes: Changes): Promise<void> {
    const { settings } = this;
    if (changes.touches("log")) this.#log.use(settings.log);
    if (changes.touches("cache.data", "cache.hash", "cache.max_age")) {
      await this.#store?.follow(settings);
    }
    if (changes.touches("metrics")) {
      await this.#web?.close();
      this.#web = undefined;
      await this.#startWeb();
    }
    if (changes.touches("content_info")) this.#peerDist?.setClientVersion(settings.content_info.preferred);
    if (changes.touches("content_server")) {
      const before = this.#contentServer;
      this.#contentServer = undefined;
      this.#retire(before?.close(settings.api.stop_timeout));
      await this.#startContentServer();
    }
    if (changes.touches("mode", "peer", "discovery", "client", "hosted_client", "hosted_server")) {
      await this.#changeNode(changes);
    }
  }

  async #changeNode(changes: Changes): Promise<void> {
    const port = ["mode", "peer.listen_port", "peer.listen_address", "peer.max_uploads", "hosted_server"];
    if (changes.touches(...port)) {
      const serving = this.#serving;
      this.#serving = undefined;
      // Its port is free at once; what it is giving it gives to its end.
      this.#retire(serving?.close(this.settings.api.stop_timeout));
    }
    if (this.settings.mode === "disabled") {
      this.#retire(this.#api?.close(this.settings.api.stop_timeout));
      this.#api = undefined;
      this.#retireNode();
      this.#switch.use(undefined);
    } else await this.#startNode();
  }

  /** What ends by itself while the daemon goes on. */
  #retire(ending: Promise<void> | undefined): void {
    if (!ending) return;
    const ended = ending.catch(() => {}).finally(() => this.#retiring.delete(ended));
    this.#retiring.add(ended);
  }

  async #startNode(): Promise<void> {
    const { settings } = this;
    const store = this.#store;
    const { mode, peer, api, content_server: contentServer } = settings;
    if (mode === "disabled" || !store) return;
    this.#serving ??= await startServing(settings, store, this.#observer);
    let isCurrent = true;
    const node = await startPeerNode(
      nodeOptions(settings, mode, {
        store,
        serving: this.#serving?.serving,
        hostedClient: await hostedClientOptions(settings),
        silent: () => !isCurrent || (!peer.serve_on_battery && this.#onBattery()),
        observer: this.#observer,
      }),
    );
    this.#retireNode();
    this.#retireNode = () => {
      isCurrent = false;
    };
    this.#switch.use(node);
    if (this.#api) return;
    await this.#checkSecret();
    this.#peerDist = await peerDistApi({
      node: this.#switch,
      socket: api.socket,
      secretFile: contentServer.secret_file,
      clientVersion: settings.content_info.preferred,
      observer: this.#observer,
    });
    this.#api = await serveApi({
      path: api.socket,
      setting: "api.socket",
      branchCache: this.#switch,
      mode,
      observer: this.#observer,
      protocols: this.#peerDist.protocols,
    });
  }

  /** The first who publishes needs it, and would be the first to hear. */
  async #checkSecret(): Promise<void> {
    const key = "content_server.secret_file";
    try {
      await checkServerSecret(this.settings.content_server.secret_file);
    } catch (error) {
      // Who chose no place, as somebody without a home of his own, may never want to publish.
      const isChosen = this.#config.written.get(key)?.origin.kind !== "default";
      if (isChosen || errorCode(error) !== "BC_SECRET_PLACE") throw error;
      const { cure, fault } = faultAndCure(error);
      this.#observer.event("warn", "doctor.found", { check: "secret", reason: fault, cure });
    }
  }

  /** The node before answers no more probes. */
  #retireNode: () => void = () => {};

  get config(): ResolvedConfig {
    return this.#config;
  }

  /** For its administrator. Throws `BC_STARTING`. */
  get cache(): ManagedCache {
    if (!this.#store) throw new BranchCacheError("BC_STARTING", "the daemon is starting");
    return this.#store.managed();
  }

  get node(): PeerNode | undefined {
    return this.#switch.node;
  }

  /** Of the latest look, by itself or by `checkNow`. */
  get findings(): readonly Finding[] {
    return this.#findings;
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
      serving: this.#serving?.serving,
      servingTls: this.#serving?.servingTls,
      hostedCaches: this.#switch.node?.hostedCaches ?? [],
      uptimeMs: systemClock.monotonicMs() - this.#startedMs,
      onBattery: this.#onBattery(),
      metricsUrl: this.#web?.url,
      contentServerUrl: this.#contentServer?.url,
      warnings: [
        ...this.#config.warnings,
        ...this.#findings.flatMap(({ result, text, cure }) =>
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

  /** When the oldest segment came, where that can be told. */
  async oldestMs(): Promise<number | undefined> {
    return this.#store && this.#oldest.createdMs(this.#store.blocks);
  }

  secretChanged(): void {
    this.#peerDist?.forgetSecret();
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

  async checkNow(): Promise<readonly Finding[]> {
    this.#findings = await daemonChecks(this);
    for (const finding of this.#findings) {
      if (finding.result === "bad") {
        this.#observer.event("warn", finding.event ?? "doctor.found", {
          check: finding.check,
          reason: finding.text,
          cure: finding.cure,
        });
      }
    }
    return this.#findings;
  }

  #scheduleChecks(): void {
    let cancel = () => {};
    let stopped = false;
    const round = async () => {
      await this.checkNow().catch(() => {});
      if (!stopped) cancel = systemClock.after(CHECK_EVERY_MS, () => void round());
    };
    cancel = systemClock.after(FIRST_CHECK_MS, () => void round());
    this.#resources.defer(() => {
      stopped = true;
      cancel();
    });
  }

  #reportMode(): void {
    const { mode, peer } = this.settings;
    this.metrics.forget("build_info");
    this.metrics.measure("build_info", 1, { version, mode });
    this.metrics.measure("service_status", mode === "disabled" ? 0 : this.#api ? 2 : 1);
    this.metrics.measure("uploads_limit", peer.max_uploads);
  }

  async #startWeb(): Promise<void> {
    const { metrics } = this.settings;
    if (!metrics.enabled) return;
    try {
      this.#web = await serveWeb(this, metrics);
    } catch (error) {
      // A second daemon on this machine must not fail for a port that nobody chose.
      if (this.#config.written.get("metrics.listen")?.origin.kind !== "default") throw error;
    }
  }

  async #startContentServer(): Promise<void> {
    const { content_server: contentServer } = this.settings;
    if (!contentServer.enabled || !this.#store) return;
    // With hashing threads, origins and file servers: no weight for a node that serves no content.
    const { startContentServer } = await import("./content-server.ts");
    this.#contentServer = await startContentServer(contentServer, this.#store, this.#observer);
  }

  /**
   * Takes nothing new from now on. Downloads and answers that run may end within so many milliseconds; whose download
   * is cut off then gets the rest from the origin. Twice is harmless.
   */
  async close(graceMs = 0): Promise<void> {
    await this.#queue;
    if (graceMs > 0) {
      this.#retireNode();
      await Promise.all([
        this.#api?.close(graceMs),
        this.#contentServer?.close(graceMs),
        this.#serving?.close(graceMs),
      ]);
    }
    await this.#resources[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** With the blocks that it is about: whoever moves or removes the cache does so with its totals. */
function totalsFile({ cache }: Settings): string {
  return join(cache.data.path, "totals.json");
}
