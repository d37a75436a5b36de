/** The hash cache, in the environment of the blocks, with a budget of its own. */
import type { PublicationEntry, PublicationStore, PublicationUsage } from "../block-store.ts";
import { closedError, StoreError } from "../errors.ts";
import {
  decodePublication,
  decodePublicationName,
  encodePublication,
  publicationKey,
} from "../node/encodings.ts";
import { type Environment, reading, type Table } from "./environment.ts";
import {
  decodePublicationPlace,
  decodePublicationTotals,
  encodePublicationPlace,
  encodePublicationTotals,
  type PublicationTotals,
  sequenceKey,
} from "./formats.ts";
import { transact } from "./transact.ts";

const TOTALS_KEY = Uint8Array.of(3);
/** Keys read since the last write, so many at most: what is read often stays anyway. */
const MOST_NOTED = 4096;
const PAGE_KEYS = 64;

export const PUBLICATION_TABLES = ["publications", "publication-places", "publication-queue"] as const;

export class PublicationTables {
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  get entries(): Table {
    return this.#environment.table("publications");
  }
  /** Where each one stands in the queue, and its size. */
  get places(): Table {
    return this.#environment.table("publication-places");
  }
  /** By order of use. */
  get queue(): Table {
    return this.#environment.table("publication-queue");
  }

  totals(): PublicationTotals {
    const value = this.#environment.table("totals").getBinary(TOTALS_KEY);
    return value ? decodePublicationTotals(value) : { bytes: 0, entries: 0, nextSequence: 1 };
  }

  setTotals(totals: PublicationTotals): void {
    this.#environment.table("totals").put(TOTALS_KEY, encodePublicationTotals(totals));
  }
}

export class LmdbPublicationStore implements PublicationStore {
  readonly #environment: Environment;
  readonly #tables: PublicationTables;
  readonly #limitBytes: () => number;
  readonly #read = new Map<string, Uint8Array>();
  #closed = false;

  /** `limitBytes` is asked inside each transaction. */
  constructor(environment: Environment, limitBytes: () => number) {
    this.#environment = environment;
    this.#tables = new PublicationTables(environment);
    this.#limitBytes = limitBytes;
  }

  async get(key: string): Promise<PublicationEntry | undefined> {
    await this.#environment.ready();
    this.#assertOpen();
    const hash = publicationKey(key);
    const entry = reading(this.#environment, () => {
      const value = this.#tables.entries.getBinaryFast(hash);
      return value && decodePublication(value);
    });
    if (entry && this.#read.size < MOST_NOTED) this.#read.set(key, hash);
    return entry;
  }

  async put(key: string, entry: PublicationEntry): Promise<void> {
    const [hash, value] = [publicationKey(key), encodePublication(key, entry)];
    await this.#write((totals) => {
      const limitBytes = this.#limitBytes();
      if (value.length > limitBytes) {
        const message = `a publication of ${value.length} bytes, all may have ${limitBytes}`;
        throw new StoreError("BC_STORE_FULL", message, { path: this.#environment.path });
      }
      this.#forget(totals, hash);
      for (const [other, place] of this.#oldest(totals, totals.bytes + value.length - limitBytes)) {
        this.#forget(totals, other, place);
      }
      this.#tables.entries.put(hash, value);
      accountOfPublication(this.#tables, totals, hash, value.length);
    });
  }

  async delete(key: string): Promise<void> {
    const hash = publicationKey(key);
    await this.#write((totals) => this.#forget(totals, hash));
  }

  async *keys(): AsyncIterable<string> {
    this.#assertOpen();
    let start: Uint8Array | undefined;
    for (;;) {
      await this.#environment.ready();
      const range = start ? { start, exclusiveStart: true, limit: PAGE_KEYS } : { limit: PAGE_KEYS };
      const names: string[] = [];
      const previous = start;
      reading(this.#environment, () => {
        for (const key of this.#tables.entries.getKeys(range)) {
          start = new Uint8Array(key);
          const value = this.#tables.entries.getBinaryFast(start);
          if (value) names.push(decodePublicationName(value));
        }
      });
      if (start === previous) return;
      for (const name of names) {
        yield name;
        if (this.#closed) return;
      }
    }
  }

  async usage(): Promise<PublicationUsage> {
    await this.#environment.ready();
    this.#assertOpen();
    return reading(this.#environment, () => {
      const { bytes, entries } = this.#tables.totals();
      return { bytes, entries, limitBytes: this.#limitBytes() };
    });
  }

  shut(): void {
    this.#closed = true;
  }

  /** The first in the queue that together free so many bytes. */
  #oldest(totals: PublicationTotals, bytes: number): (readonly [Uint8Array, PublicationPlace])[] {
    const going: (readonly [Uint8Array, PublicationPlace])[] = [];
    let freed = 0;
    if (bytes <= 0) return going;
    for (const { value } of this.#tables.queue.getRange({ limit: totals.entries })) {
      const hash = new Uint8Array(value);
      const place = this.#place(hash);
      if (!place) continue;
      going.push([hash, place]);
      freed += place.bytes;
      if (freed >= bytes) break;
    }
    return going;
  }

  #place(hash: Uint8Array): PublicationPlace | undefined {
    const value = this.#tables.places.getBinary(hash);
    return value && decodePublicationPlace(value);
  }

  #forget(totals: PublicationTotals, hash: Uint8Array, place = this.#place(hash)): void {
    if (!place) return;
    totals.bytes -= place.bytes;
    totals.entries--;
    this.#tables.entries.remove(hash);
    this.#tables.places.remove(hash);
    this.#tables.queue.remove(sequenceKey(place.sequence));
  }

  async #write(change: (totals: PublicationTotals) => void): Promise<void> {
    this.#assertOpen();
    await transact(this.#environment, () => {
      const totals = this.#tables.totals();
      for (const hash of this.#read.values()) {
        const place = this.#place(hash);
        if (!place) continue;
        this.#tables.queue.remove(sequenceKey(place.sequence));
        totals.bytes -= place.bytes;
        totals.entries--;
        accountOfPublication(this.#tables, totals, hash, place.bytes);
      }
      this.#read.clear();
      change(totals);
      this.#tables.setTotals(totals);
    });
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}

type PublicationPlace = ReturnType<typeof decodePublicationPlace>;

/** Puts an entry at the end of the queue and counts it. */
export function accountOfPublication(
  tables: PublicationTables,
  totals: PublicationTotals,
  hash: Uint8Array,
  bytes: number,
): void {
  const sequence = totals.nextSequence++;
  tables.queue.put(sequenceKey(sequence), hash);
  tables.places.put(hash, encodePublicationPlace({ sequence, bytes }));
  totals.bytes += bytes;
  totals.entries++;
}
