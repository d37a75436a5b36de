/**
 * The daemon's part in BranchCache: the node that finds and reads content, the server that gives blocks to peers, and
 * the socket that programs of this machine use the node through. Started, replaced and ended as the settings say.
 */
import { type ApiServer, type PeerNode, serveApi, startPeerNode } from "@branchcache/peer-node";
import { errorCode, type Observer } from "@branchcache/runtime";
import type { ResolvedConfig } from "../config/resolve.ts";
import { faultAndCure } from "../config/setting-error.ts";
import { checkServerSecret } from "../files/secret-file.ts";
import { hostedClientOptions } from "../hosted/from-settings.ts";
import { Resources } from "../resources.ts";
import type { Downloads } from "../telemetry/downloads.ts";
import type { Changes } from "./changes.ts";
import type { DaemonStore } from "./daemon-store.ts";
import { nodeOptions } from "./node-options.ts";
import { NodeSwitch } from "./node-switch.ts";
import { type PeerDistApi, peerDistApi } from "./peerdist-api.ts";
import type { Retiring } from "./retiring.ts";
import { type Serving, startServing } from "./serving.ts";

/** Settings that the node is made of, and those that its server of blocks is made of. */
const NODE_SETTINGS = ["mode", "peer", "discovery", "client", "hosted_client", "hosted_server"];
const SERVING_SETTINGS = [
  "mode",
  "peer.listen_port",
  "peer.listen_address",
  "peer.max_uploads",
  "hosted_server",
];

export interface NodeServiceOptions {
  readonly store: DaemonStore;
  readonly downloads: Downloads;
  /** Whether this machine runs on its battery now. */
  readonly onBattery: () => boolean;
  /** Takes what is replaced by a change of settings. */
  readonly retiring: Retiring;
  readonly observer: Observer;
}

export class NodeService {
  readonly #options: NodeServiceOptions;
  readonly #switch: NodeSwitch;
  readonly #resources = new Resources();
  #serving: Serving | undefined;
  #api: ApiServer | undefined;
  #peerDist: PeerDistApi | undefined;
  /** The node in use answers no more probes. */
  #silence: () => void = () => {};

  constructor(options: NodeServiceOptions) {
    this.#options = options;
    this.#switch = new NodeSwitch(options.downloads, options.observer);
    this.#resources.defer(() => this.#serving?.close(0));
    this.#resources.defer(() => this.#switch.close());
    this.#resources.defer(() => this.#api?.close());
  }

  /** Undefined while BranchCache is switched off. */
  get node(): PeerNode | undefined {
    return this.#switch.node;
  }

  /** Where peers fetch blocks, if they can. */
  get serving(): Serving | undefined {
    return this.#serving;
  }

  /** Whether programs can use the node through its socket. */
  get isOpen(): boolean {
    return this.#api !== undefined;
  }

  /** Starts a node as the settings want it, in the place of the one before. Errors: those of the parts. */
  async start(config: ResolvedConfig): Promise<void> {
    const { settings } = config;
    const { mode } = settings;
    if (mode === "disabled") return;
    const { store, observer, onBattery } = this.#options;
    this.#serving ??= await startServing(settings, store, observer);
    let isCurrent = true;
    const node = await startPeerNode(
      nodeOptions(settings, mode, {
        store,
        serving: this.#serving?.serving,
        hostedClient: await hostedClientOptions(settings),
        silent: () => !isCurrent || (!settings.peer.serve_on_battery && onBattery()),
        observer,
      }),
    );
    this.#silence();
    this.#silence = () => {
      isCurrent = false;
    };
    this.#switch.use(node);
    if (!this.#api) await this.#open(config, mode);
  }

  /** Follows what has changed in the settings. Errors: those of the parts. */
  async change(config: ResolvedConfig, changes: Changes): Promise<void> {
    const { settings } = config;
    if (changes.touches("content_info")) this.#peerDist?.setClientVersion(settings.content_info.preferred);
    if (!changes.touches(...NODE_SETTINGS)) return;
    const { retiring } = this.#options;
    const graceMs = settings.api.stop_timeout;
    if (changes.touches(...SERVING_SETTINGS)) {
      const serving = this.#serving;
      this.#serving = undefined;
      // Its port is free at once; answers under way go on to their end.
      retiring.add(serving?.close(graceMs));
    }
    if (settings.mode === "disabled") {
      retiring.add(this.#api?.close(graceMs));
      this.#api = undefined;
      this.#silence();
      this.#switch.use(undefined);
    } else await this.start(config);
  }

  /** Callers who connect from now on publish with the secret that is in the file then. */
  forgetSecret(): void {
    this.#peerDist?.forgetSecret();
  }

  /** Takes nothing new; what runs has so many milliseconds to end. `close` comes after it. */
  async drain(graceMs: number): Promise<void> {
    this.#silence();
    await Promise.all([this.#api?.close(graceMs), this.#serving?.close(graceMs)]);
  }

  /** Ends everything at once. Twice is harmless. */
  async close(): Promise<void> {
    await this.#resources[Symbol.asyncDispose]();
  }

  async #open(config: ResolvedConfig, mode: Exclude<ResolvedConfig["settings"]["mode"], "disabled">) {
    const { api, content_server: contentServer, content_info: contentInfo } = config.settings;
    const { observer } = this.#options;
    await this.#checkSecret(config);
    this.#peerDist = await peerDistApi({
      node: this.#switch,
      socket: api.socket,
      secretFile: contentServer.secret_file,
      clientVersion: contentInfo.preferred,
      observer,
    });
    this.#api = await serveApi({
      path: api.socket,
      setting: "api.socket",
      branchCache: this.#switch,
      mode,
      observer,
      protocols: this.#peerDist.protocols,
    });
  }

  /** Now, since otherwise the first program that publishes would be the one to hear that there is no secret. */
  async #checkSecret({ settings, written }: ResolvedConfig): Promise<void> {
    try {
      await checkServerSecret(settings.content_server.secret_file);
    } catch (error) {
      // Where nobody chose the file, as for a user without a home, there may be no wish to publish either.
      const isChosen = written.get("content_server.secret_file")?.origin.kind !== "default";
      if (isChosen || errorCode(error) !== "BC_SECRET_PLACE") throw error;
      const { cure, fault } = faultAndCure(error);
      this.#options.observer.event("warn", "doctor.found", { check: "secret", reason: fault, cure });
    }
  }
}
