import {
  type ManualClock,
  manualClock,
  type SimulatedLanOptions,
  seededRandom,
  simulatedLan,
} from "@branchcache/runtime/testing";
import { afterEach, beforeEach, expect } from "vitest";
import {
  type DatagramPort,
  type DiscoveryMessage,
  type DropReason,
  openWsDiscovery,
  readMessage,
  type WsDiscovery,
  type WsDiscoveryError,
  type WsDiscoveryOptions,
} from "../src/index.ts";

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export const PRINTER = { uri: "http://example.org/printing", local: "Printer" };
export const SCANNER = { uri: "http://example.org/printing", local: "Scanner" };
export const ADDRESS = "urn:uuid:6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a5";

export interface Host {
  readonly discovery: WsDiscovery;
  readonly drops: DropReason[];
  readonly errors: WsDiscoveryError[];
}

export interface Link {
  readonly clock: ManualClock;
  readonly lan: ReturnType<typeof simulatedLan>;
  /** A host with discovery, on a port of its own or on these addresses. */
  host(on: string | readonly string[] | DatagramPort, options?: Partial<WsDiscoveryOptions>): Promise<Host>;
  /** What is on the link so far, read. */
  messages(kind?: DiscoveryMessage["kind"]): DiscoveryMessage[];
  close(): Promise<void>;
}

export function link(lanOptions: Partial<SimulatedLanOptions> = {}): Link {
  const clock = manualClock();
  const lan = simulatedLan({ clock, random: seededRandom(1), ...lanOptions });
  const open: WsDiscovery[] = [];
  let seed = 10;
  return {
    clock,
    lan,
    async host(on, options = {}) {
      const drops: DropReason[] = [];
      const errors: WsDiscoveryError[] = [];
      const addresses = typeof on === "string" ? [on] : on;
      const discovery = await openWsDiscovery({
        clock,
        random: seededRandom(seed++),
        datagrams: isPort(addresses) ? addresses : lan.host(...addresses),
        interfaceRefreshMs: 0,
        onDrop: (reason) => drops.push(reason),
        onError: (error) => errors.push(error),
        ...options,
      });
      open.push(discovery);
      return { discovery, drops, errors };
    },
    messages: (kind) =>
      lan.sent
        .map(({ bytes }) => readMessage(bytes))
        .filter((message) => kind === undefined || message.kind === kind),
    async close() {
      await Promise.all(open.map((discovery) => discovery.close()));
      await clock.settle();
    },
  };
}

/** A link for each test, at whose end nothing may wait any more. */
export function linkForEach(set: (fresh: Link) => void): void {
  let fresh: Link;
  beforeEach(() => {
    fresh = link();
    set(fresh);
  });
  afterEach(async () => {
    await fresh.close();
    expect(fresh.clock.pending).toBe(0);
  });
}

function isPort(on: readonly string[] | DatagramPort): on is DatagramPort {
  return "open" in on;
}

/** Everything that an iterable yields, gathered while the clock moves on. */
export function gather<T>(items: AsyncIterable<T>) {
  const found: T[] = [];
  const state: { ended: boolean; error?: unknown } = { ended: false };
  const done = (async () => {
    try {
      for await (const item of items) found.push(item);
    } catch (error) {
      state.error = error;
    }
    state.ended = true;
  })();
  return { found, state, done };
}

/** The code of what the call throws; undefined if it does not. */
export function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as WsDiscoveryError).code;
  }
}
