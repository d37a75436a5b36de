import type { PublicationEntry, PublicationStore, PublicationUsage } from "../block-store.ts";
import { closedError } from "../errors.ts";

/** The hash cache in memory; it has no limit. */
export class MemoryPublicationStore implements PublicationStore {
  readonly #entries = new Map<string, PublicationEntry>();
  #closed = false;

  async get(key: string): Promise<PublicationEntry | undefined> {
    this.#assertOpen();
    const entry = this.#entries.get(key);
    return entry && copyEntry(entry);
  }

  async put(key: string, entry: PublicationEntry): Promise<void> {
    this.#assertOpen();
    this.#entries.set(key, copyEntry(entry));
  }

  async delete(key: string): Promise<void> {
    this.#assertOpen();
    this.#entries.delete(key);
  }

  async *keys(): AsyncIterable<string> {
    this.#assertOpen();
    yield* [...this.#entries.keys()];
  }

  async usage(): Promise<PublicationUsage> {
    this.#assertOpen();
    let bytes = 0;
    for (const { publications } of this.#entries.values())
      for (const publication of publications) bytes += publication.length;
    return { bytes, limitBytes: undefined, entries: this.#entries.size };
  }

  shut(): void {
    this.#closed = true;
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}

function copyEntry(entry: PublicationEntry): PublicationEntry {
  return { ...entry, publications: entry.publications.map((bytes) => new Uint8Array(bytes)) };
}
