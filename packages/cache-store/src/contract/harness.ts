import type { CipherId, SealedBlock, SegmentId } from "@branchcache/content-info";
import { type Clock, errorCode, makeClock, type Observer, silentObserver } from "@branchcache/runtime";
import type { NewSegment, Stores } from "../block-store.ts";

/** The little that is used of a test runner; vitest's and jest's own fit. */
export interface ContractTestApi {
  /** Groups the cases that `suite` declares. */
  describe(name: string, suite: () => void): void;
  /** Declares one case, which fails if the promise rejects. */
  it(name: string, test: () => Promise<void>): void;
  /** Starts an assertion about `actual`; `message` says which, where it fails. */
  expect(
    actual: unknown,
    message?: string,
  ): {
    /** Throws unless both are deeply equal. */
    toEqual(expected: unknown): void;
  };
}

/** What a case asks of the stores that are opened for it. */
export interface OpenStoresOptions {
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Opens empty stores of their own for each call; the suites close them. */
export type OpenStores = (options: OpenStoresOptions) => Stores | Promise<Stores>;

/** Which of the suite's cases hold for an implementation. */
export interface ContractOptions {
  /**
   * Who keeps the limit in bytes. `store`: `limitBytes` to the byte, least recently used first. `engine`: something behind
   * the store, by its own means; then what needs exact limits is left out, and is for tests of that engine to show.
   */
  readonly limits?: "store" | "engine";
}

export const BLOCK_BYTES = 256;
/** Of one block, sealed: initialization vector, data, padding. */
export const SEALED_BYTES = 16 + BLOCK_BYTES + 16;

export async function withStores(
  open: OpenStores,
  options: Partial<OpenStoresOptions>,
  test: (stores: Stores) => Promise<void>,
): Promise<void> {
  const stores = await open({
    limitBytes: options.limitBytes ?? 1_000_000,
    clock: options.clock ?? steppingClock().clock,
    observer: options.observer ?? silentObserver,
  });
  try {
    await test(stores);
  } finally {
    await stores.close();
  }
}

/** Stands still until `set`; has no timers, since no store needs any. */
export function steppingClock(): { readonly clock: Clock; set(wallMs: number): void } {
  let nowMs = 1_000_000;
  const clock = makeClock({ wallMs: () => nowMs, monotonicMs: () => nowMs, after: () => () => {} });
  return {
    clock,
    set: (wallMs) => {
      nowMs = wallMs;
    },
  };
}

/** Distinct identifiers of 32 bytes. */
export function idOf(n: number): SegmentId {
  const id = new Uint8Array(32).fill(n & 0xff);
  new DataView(id.buffer).setUint32(0, n);
  return id;
}

/** A verified segment of whole blocks. */
export function segmentOf(n: number, blocks: number, more: Partial<NewSegment> = {}): NewSegment {
  return {
    id: idOf(n),
    cipher: 1,
    lengthBytes: blocks * BLOCK_BYTES,
    blockSizeBytes: BLOCK_BYTES,
    tags: [],
    trust: "verified",
    ...more,
  };
}

/** A block of `plainBytes`, sealed; its bytes depend on `seed`. */
export function blockOf(seed: number, plainBytes: number = BLOCK_BYTES, cipher: CipherId = 1): SealedBlock {
  const length = cipher === 0 ? plainBytes : (Math.floor(plainBytes / 16) + 1) * 16;
  const data = Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7 + (i >> 8)) & 0xff);
  return { cipher, iv: new Uint8Array(cipher === 0 ? 0 : 16).fill(seed), data };
}

/** The code that a call rejects with; `"none"` if it does not. */
export async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return "none";
  } catch (error) {
    return errorCode(error);
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
