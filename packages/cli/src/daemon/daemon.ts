/** The daemon's parts, put together as the settings say, and changed with them. */
import { type ApiServer, type BlockServer, serveApi, startPeerNode } from "@branchcache/peer-node";
import { combineObservers, formatEndpoint, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { type ConfigSources, type ResolvedConfig, resolveConfig } from "../config/resolve.ts";
import type { Settings } from "../config/schema.ts";
import { hostedClientOptions } from "../hosted/from-settings.ts";
import { startHousekeeping } from "../housekeeping.ts";
import { peerDistApi } from "../peerdist-api.ts";
import { Resources } from "../resources.ts";
import { type OpenStore, openStore } from "../store.ts";
import { batteryWatch } from "./battery.ts";
import { type Changes, changesBetween } from "./changes.ts";
import { LogSwitch } from "./log-switch.ts";
import { nodeOptions } from "./node-options.ts";
import { NodeSwitch } from "./node-switch.ts";
import { startServing } from "./serving.ts";

export class Daemon implements AsyncDisposable {
  readonly #sources: ConfigSources;
  readonly #resources = new Resources();
  readonly #log: LogSwitch;
  readonly #observer: Observer;
  readonly #switch = new NodeSwitch();
  readonly #onBattery = batteryWatch(systemClock);
  #config: ResolvedConfig;
  #store: OpenStore | undefined;
  #serving: BlockServer | undefined;
  #api: ApiServer | undefined;
  /** One change after another. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(sources: ConfigSources, config: ResolvedConfig) {
    this.#sources = sources;
    this.#config = config;
    this.#log = new LogSwitch(config.settings.log);
    this.#observer = combineObservers(this.#log);
  }

  /** Errors: `BC_CONFIG`, and those of the parts; nothing is left open then. */
  static async start(sources: ConfigSources): Promise<Daemon> {
    const daemon = new Daemon(sources, await resolveConfig(sources));
    try {
      await daemon.#start();
    } catch (error) {
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
    for (const warning of warnings) observer.event("warn", "config.role_conflict", { reason: warning });
    const { cache } = settings;
    const store = await openStore({
      ...limitsOf(settings),
      cacheDir: cache.data.path,
      ...(cache.data.secrets_path === undefined ? {} : { secretsPath: cache.data.secrets_path }),
      observer,
    });
    this.#store = store;
    this.#resources.defer(() => store.close());
    const housekeeping = startHousekeeping(store.blocks, systemClock, observer);
    this.#resources.defer(() => housekeeping.stop());
    this.#resources.defer(() => this.#stopNode());
    await this.#startNode();
    observer.event("info", "service.started", {
      mode: settings.mode,
      serving: this.#serving && formatEndpoint(this.#serving.serving),
      cache: cache.data.path,
      socket: settings.api.socket,
      pid: process.pid,
    });
    if (settings.mode === "disabled") {
      observer.event("warn", "service.disabled", { cure: "branchcache enable distributed" });
    }
  }

  /**
   * Reads the settings again. What began under the old ones ends under them. Errors: `BC_CONFIG`, and then
   * all is as it was; those of the parts.
   */
  reload(): Promise<Changes> {
    const done = this.#queue.then(() => this.#reload());
    this.#queue = done.catch(() => {});
    return done;
  }

  async #reload(): Promise<Changes> {
    const before = this.#config;
    const after = await resolveConfig(this.#sources);
    const changes = changesBetween(before, after);
    if (changes.keys.length === 0) return changes;
    this.#config = after;
    const { settings } = after;
    if (changes.touches("log")) this.#log.use(settings.log);
    if (changes.touches("cache.data", "cache.hash", "cache.max_age")) {
      await this.#store?.set(limitsOf(settings));
    }
    if (
      changes.touches("mode", "peer", "discovery", "client", "content_info", "hosted_client", "hosted_server")
    ) {
      try {
        await this.#changeNode(changes);
      } catch (error) {
        // As it was, rather than half of each.
        this.#config = before;
        await this.#changeNode(changes);
        throw error;
      }
    }
    this.#observer.event("info", "config.changed", {
      keys: changes.keys.join(", "),
      ...(changes.restart.length > 0 ? { wants_restart: changes.restart.join(", ") } : {}),
    });
    return changes;
  }

  async #changeNode(changes: Changes): Promise<void> {
    const port = ["mode", "peer.listen_port", "peer.listen_address", "peer.max_uploads", "hosted_server"];
    if (changes.touches(...port)) {
      const serving = this.#serving;
      this.#serving = undefined;
      await serving?.close();
    }
    if (this.settings.mode === "disabled") {
      await this.#api?.close();
      this.#api = undefined;
      this.#switch.use(undefined);
    } else await this.#startNode();
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
    const protocols = await peerDistApi({
      node: this.#switch,
      socket: api.socket,
      secretFile: contentServer.secret_file,
      observer: this.#observer,
    });
    this.#api = await serveApi({
      path: api.socket,
      branchCache: this.#switch,
      mode,
      observer: this.#observer,
      protocols,
    });
  }

  /** The node before answers no more probes. */
  #retireNode: () => void = () => {};

  async #stopNode(): Promise<void> {
    await this.#api?.close();
    await this.#switch.close();
    await this.#serving?.close();
  }

  /** Twice is harmless. */
  async close(): Promise<void> {
    await this.#queue;
    await this.#resources[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What the configuration does not say stays as `cache set` has kept it with the store. */
function limitsOf({ cache: { data, hash, max_age: maxAgeMs } }: Settings): Parameters<OpenStore["set"]>[0] {
  return {
    ...(data.max_bytes !== undefined
      ? { limitBytes: data.max_bytes }
      : data.max_percent !== undefined && { limitPercent: data.max_percent }),
    ...(hash.max_bytes !== undefined
      ? { publicationLimitBytes: hash.max_bytes }
      : hash.max_percent !== undefined && { publicationLimitPercent: hash.max_percent }),
    ...(maxAgeMs !== undefined && { maxAgeMs }),
  };
}
