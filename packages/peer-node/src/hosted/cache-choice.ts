/** Whether hosted caches or the link are asked, as mode and DNS say, and again from time to time. */
import type { PeerDiscovery } from "@branchcache/discovery";
import type { CancelTimer, Clock, Observer, Random } from "@branchcache/runtime";
import type { BranchPeers } from "../branch-peers.ts";
import type { NodeMode, PeerNodeOptions } from "../peer-node-options.ts";
import type { HostedCaches } from "./hosted-caches.ts";
import { discoverHostedCaches, type HostedCacheAddress } from "./srv.ts";

/** Discovery on the link, on and off. */
export class LinkSwitch {
  readonly #peers: BranchPeers;
  readonly #start: () => Promise<PeerDiscovery>;

  constructor({
    peers,
    start,
  }: { readonly peers: BranchPeers; readonly start: () => Promise<PeerDiscovery> }) {
    this.#peers = peers;
    this.#start = start;
  }

  async set(on: boolean): Promise<void> {
    if (on) this.#peers.discovery ??= await this.#start();
    else await this.close();
  }

  async close(): Promise<void> {
    const { discovery } = this.#peers;
    this.#peers.discovery = undefined;
    await discovery?.close();
  }
}

export interface CacheChoiceOptions {
  readonly mode: NodeMode;
  readonly hostedClient: NonNullable<PeerNodeOptions["hostedClient"]>;
  readonly caches: HostedCaches;
  readonly link: LinkSwitch;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
}

/** Between two looks at DNS; sooner while it named none. */
const LOOK_AGAIN_MS = 600_000;
const LOOK_SOONER_MS = 60_000;

export class CacheChoice {
  readonly #options: CacheChoiceOptions;
  #cancelTimer: CancelTimer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: CacheChoiceOptions) {
    this.#options = options;
  }

  /** Rejects where the link cannot be used and has to be. */
  async start(): Promise<void> {
    const { caches, hostedClient, link, mode } = this.#options;
    if (mode === "distributed") return link.set(true);
    if (mode !== "hosted-client" && mode !== "auto") return;
    const named = hostedClient.servers ?? [];
    if (named.length === 0 && (mode === "auto" || hostedClient.discover)) return this.#look();
    caches.use(named);
    await link.set(hostedClient.alsoPeers ?? false);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { caches, clock, hostedClient, link, mode, observer, random } = this.#options;
    const { alsoPeers = false, discover } = hostedClient;
    const where = typeof discover === "object" ? discover : {};
    const found: readonly HostedCacheAddress[] = await discoverHostedCaches({ ...where, random, observer });
    if (this.#closed) return;
    caches.use(found);
    await link.set(alsoPeers || (mode === "auto" && found.length === 0));
    this.#cancelTimer = clock.after(found.length === 0 ? LOOK_SOONER_MS : LOOK_AGAIN_MS, () => {
      this.#looking = this.#look().catch((error: unknown) => {
        observer.event("warn", "discover_server.failed", { reason: String(error) });
      });
    });
  }
}
