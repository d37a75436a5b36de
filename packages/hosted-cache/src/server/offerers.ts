/**
 * The clients that have something waiting, in turn, and how they behaved: one that sent false bytes is quarantined here,
 * one that failed several times running is left alone for a while.
 */
import type { BookLimits, PullOutcome } from "./pull-rules.ts";

interface Offerer {
  /** Segments to be pulled from it, first come first. */
  readonly line: Set<string>;
  pulls: number;
  /** One after another. */
  failures: number;
  restUntilMs: number;
}

/** Clients that are resting and have nothing waiting: so many are remembered. */
const MAX_IDLE = 4_096;

export class Offerers {
  readonly #limits: BookLimits;
  /** The next in turn comes first. */
  readonly #clients = new Map<string, Offerer>();

  constructor(limits: BookLimits) {
    this.#limits = limits;
  }

  waiting(address: string): number {
    const client = this.#clients.get(address);
    return client ? client.line.size + client.pulls : 0;
  }

  isResting(address: string, nowMs: number): boolean {
    return (this.#clients.get(address)?.restUntilMs ?? Number.NEGATIVE_INFINITY) > nowMs;
  }

  enqueue(address: string, key: string): void {
    let client = this.#clients.get(address);
    if (!client) {
      client = { line: new Set(), pulls: 0, failures: 0, restUntilMs: Number.NEGATIVE_INFINITY };
      this.#clients.set(address, client);
      this.#prune();
    }
    client.line.add(key);
  }

  /** The first segment of the next client that has a pull to spare; the client goes to the end of the turn. */
  next(): { readonly address: string; readonly key: string } | undefined {
    for (const [address, client] of this.#clients) {
      if (client.pulls >= this.#limits.maxPullsPerClient) continue;
      const [key] = client.line;
      if (key === undefined) continue;
      client.line.delete(key);
      this.#clients.delete(address);
      this.#clients.set(address, client);
      return { address, key };
    }
    return undefined;
  }

  started(address: string): void {
    const client = this.#clients.get(address);
    if (client) client.pulls++;
  }

  /** Gives the segments that waited for it, when it is to be left alone from now on. */
  ended(address: string, outcome: PullOutcome, nowMs: number): readonly string[] {
    const client = this.#clients.get(address);
    if (!client) return [];
    client.pulls--;
    const restMs = this.#restAfter(client, outcome);
    if (restMs === undefined) {
      const isIdle = client.line.size === 0 && client.pulls === 0;
      if (isIdle && client.failures === 0 && client.restUntilMs <= nowMs) this.#clients.delete(address);
      return [];
    }
    client.restUntilMs = nowMs + restMs;
    const waiting = [...client.line];
    client.line.clear();
    return waiting;
  }

  /** For how long the client is to be left alone now; undefined if it is not. */
  #restAfter(client: Offerer, outcome: PullOutcome): number | undefined {
    if (outcome === "lied") return this.#limits.quarantineMs;
    client.failures = outcome === "failed" ? client.failures + 1 : 0;
    if (client.failures < this.#limits.maxFailures) return undefined;
    client.failures = 0;
    return this.#limits.restMs;
  }

  /** A network of made-up addresses does not fill the memory: the longest idle ones are forgotten. */
  #prune(): void {
    if (this.#clients.size <= MAX_IDLE) return;
    for (const [address, client] of this.#clients) {
      if (client.line.size > 0 || client.pulls > 0) continue;
      this.#clients.delete(address);
      if (this.#clients.size <= MAX_IDLE) return;
    }
  }
}
