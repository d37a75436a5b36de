/** Which peers gave or failed lately, from what the layers report. */
import type { Clock, EventFields, EventLevel, EventName, Observer } from "@branchcache/runtime";

export interface PeerNote {
  readonly id: string;
  readonly kind: string;
  readonly address: string | undefined;
  readonly bytes: number;
  readonly blocks: number;
  readonly failures: number;
  readonly lastMs: number;
  /** Over the time in which it was sending. */
  readonly bytesPerSecond: number;
  /** Wall time in ms; undefined while the peer is not quarantined. */
  readonly quarantinedUntilMs: number | undefined;
  readonly quarantineReason: string | undefined;
}

interface Entry {
  kind: string;
  address: string | undefined;
  bytes: number;
  blocks: number;
  failures: number;
  lastMs: number;
  burstStartMs: number;
  burstBytes: number;
  burstEndMs: number;
  quarantinedAtMs: number | undefined;
  quarantineReason: string | undefined;
}

const PEERS_MAX = 256;
const ACTIVE_MS = 600_000;
/** A pause of this length begins a new burst: rates are of bursts, not of silence. */
const PAUSE_MS = 2_000;

export class PeerBook implements Observer {
  readonly #clock: Clock;
  readonly #quarantineMs: () => number;
  readonly #peers = new Map<string, Entry>();

  constructor(clock: Clock, quarantineMs: () => number) {
    this.#clock = clock;
    this.#quarantineMs = quarantineMs;
  }

  event(_level: EventLevel, name: EventName, fields: EventFields = {}): void {
    const { peer } = fields;
    if (typeof peer !== "string") return;
    if (name === "block.received") this.#received(peer, fields);
    else if (name === "peer.request_failed") this.#entry(peer).failures++;
    else if (name === "peer.quarantined") {
      const entry = this.#entry(peer);
      entry.quarantinedAtMs = this.#clock.wallMs();
      entry.quarantineReason = String(fields["reason"] ?? "");
    }
  }

  count(): void {}

  measure(): void {}

  /** How many gave something in the last ten minutes. */
  get active(): number {
    const sinceMs = this.#clock.wallMs() - ACTIVE_MS;
    return [...this.#peers.values()].filter(({ blocks, lastMs }) => blocks > 0 && lastMs > sinceMs).length;
  }

  /** Most recent first. */
  list(): readonly PeerNote[] {
    const nowMs = this.#clock.wallMs();
    return [...this.#peers].reverse().map(([id, entry]) => {
      const untilMs = entry.quarantinedAtMs === undefined ? 0 : entry.quarantinedAtMs + this.#quarantineMs();
      const spanMs = Math.max(entry.burstEndMs - entry.burstStartMs, 1);
      return {
        id,
        kind: entry.kind,
        address: entry.address,
        bytes: entry.bytes,
        blocks: entry.blocks,
        failures: entry.failures,
        lastMs: entry.lastMs,
        bytesPerSecond: Math.round((entry.burstBytes * 1_000) / spanMs),
        quarantinedUntilMs: untilMs > nowMs ? untilMs : undefined,
        quarantineReason: untilMs > nowMs ? entry.quarantineReason : undefined,
      };
    });
  }

  #received(peer: string, { bytes, kind, address }: EventFields): void {
    const entry = this.#entry(peer);
    const nowMs = this.#clock.wallMs();
    const length = Number(bytes ?? 0);
    if (nowMs - entry.burstEndMs > PAUSE_MS) {
      entry.burstStartMs = nowMs;
      entry.burstBytes = 0;
    }
    entry.burstEndMs = nowMs;
    entry.burstBytes += length;
    entry.bytes += length;
    entry.blocks++;
    if (typeof kind === "string") entry.kind = kind;
    if (typeof address === "string") entry.address = address;
  }

  /** The latest one touched is the last of the map. */
  #entry(id: string): Entry {
    const entry = this.#peers.get(id) ?? {
      kind: "peer",
      address: undefined,
      bytes: 0,
      blocks: 0,
      failures: 0,
      lastMs: 0,
      burstStartMs: 0,
      burstBytes: 0,
      burstEndMs: 0,
      quarantinedAtMs: undefined,
      quarantineReason: undefined,
    };
    entry.lastMs = this.#clock.wallMs();
    this.#peers.delete(id);
    this.#peers.set(id, entry);
    const [oldest] = this.#peers.keys();
    if (this.#peers.size > PEERS_MAX && oldest !== undefined) this.#peers.delete(oldest);
    return entry;
  }
}
