/** What was read and what went, counted for all processes together; what the engine itself evicts, the engine counts. */
import type { Buffer } from "node:buffer";
import type { RemovalNote, StoreStatistics } from "../block-store.ts";
import { packr } from "../node/encodings.ts";
import type { Eviction } from "../store/ledger.ts";
import { latestNotes, MOST_NOTES } from "../store/report.ts";
import { emptyTotals, REMOVAL_REASONS } from "../store/segment-state.ts";
import type { Connection } from "./connection.ts";
import type { Keyspace } from "./keyspace.ts";

export class Counters {
  readonly #connection: Connection;
  readonly #keys: Keyspace;
  #limitBytes = Number.POSITIVE_INFINITY;

  constructor(connection: Connection, keys: Keyspace) {
    this.#connection = connection;
    this.#keys = keys;
  }

  /** As far as known. */
  get lastLimitBytes(): number {
    return this.#limitBytes;
  }

  async hits(hits: number): Promise<void> {
    await this.#connection.write(this.#keys.whole("counts"), "hincrby", "hits", hits);
  }

  /** All for one reason. */
  async gone(evictions: readonly Eviction[]): Promise<void> {
    const [first] = evictions;
    if (!first) return;
    const [counts, latest] = [this.#keys.whole("counts"), this.#keys.whole("latest")];
    const segments = evictions.filter(({ whole }) => whole).length;
    const bytes = evictions.reduce((sum, eviction) => sum + eviction.bytes, 0);
    const notes = latestNotes([], evictions).map((note) => packr.pack(note));
    await Promise.all([
      this.#connection.write(counts, "hincrby", `${first.reason}:segments`, segments),
      this.#connection.write(counts, "hincrby", `${first.reason}:bytes`, bytes),
      this.#connection.write(latest, "lpush", ...notes.reverse()),
      this.#connection.write(latest, "ltrim", 0, MOST_NOTES - 1),
    ]);
  }

  /** Evicted and expired keys are counted by the engine since it started, whosever they were, and without their bytes. */
  async read(): Promise<StoreStatistics> {
    const [all, notes, infos] = await Promise.all([
      this.#connection.read(this.#keys.whole("counts"), "hgetall"),
      this.#connection.read(this.#keys.whole("latest"), "lrange", 0, MOST_NOTES - 1),
      this.#connection.everywhere("info", "stats"),
    ]);
    const { gone } = emptyTotals();
    let hits = 0;
    // The client makes an object of this one answer.
    for (const [field, value] of Object.entries(all as Record<string, Buffer>)) {
      const [name, what] = field.split(":");
      const count = Number(value.toString());
      if (name === "hits") hits = count;
      const reason = REMOVAL_REASONS.find((one) => one === name);
      if (reason) gone[reason][what === "bytes" ? "bytes" : "segments"] += count;
    }
    for (const info of infos) {
      gone.size.segments += figure(info, "evicted_keys");
      gone.age.segments += figure(info, "expired_keys");
    }
    return { hits, gone, latest: (notes as Buffer[]).flatMap(readNote) };
  }

  async limitBytes(): Promise<number> {
    const limits = (await this.#connection.everywhere("info", "memory")).map((info) =>
      figure(info, "maxmemory"),
    );
    const isBounded = limits.length > 0 && limits.every((bytes) => bytes > 0);
    this.#limitBytes = isBounded ? limits.reduce((sum, bytes) => sum + bytes, 0) : Number.POSITIVE_INFINITY;
    return this.#limitBytes;
  }
}

/** A line of what `INFO` says; 0 where the engine does not know it. */
function figure(info: unknown, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, "m").exec(String(info))?.[1] ?? 0);
}

function readNote(packed: Buffer): RemovalNote[] {
  try {
    const note: RemovalNote = packr.unpack(packed);
    return [{ ...note, id: new Uint8Array(note.id) }];
  } catch {
    return [];
  }
}
