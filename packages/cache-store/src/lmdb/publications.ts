/** The hash cache, in the environment of the blocks. */
import type { PublicationEntry, PublicationStore } from "../block-store.ts";
import { StoreError } from "../errors.ts";
import { transact } from "./batch-writer.ts";
import type { Environment, Table } from "./environment.ts";
import { decodePublication, decodePublicationName, encodePublication, publicationKey } from "./formats.ts";

export class LmdbPublicationStore implements PublicationStore {
  readonly #environment: Environment;
  readonly #table: Table;
  #closed = false;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#table = environment.table("publications");
  }

  async get(key: string): Promise<PublicationEntry | undefined> {
    this.#assertOpen();
    const value = this.#table.getBinaryFast(publicationKey(key));
    return value && decodePublication(value);
  }

  async put(key: string, entry: PublicationEntry): Promise<void> {
    const value = encodePublication(key, entry);
    await this.#write(() => void this.#table.put(publicationKey(key), value));
  }

  async delete(key: string): Promise<void> {
    await this.#write(() => void this.#table.remove(publicationKey(key)));
  }

  async *keys(): AsyncIterable<string> {
    this.#assertOpen();
    for (const hash of this.#table.getKeys({ snapshot: false })) {
      const value = this.#table.getBinaryFast(hash);
      if (value) yield decodePublicationName(value);
      if (this.#closed) return;
    }
  }

  shut(): void {
    this.#closed = true;
  }

  async #write(change: () => void): Promise<void> {
    this.#assertOpen();
    await transact(this.#environment, change);
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError("BC_STORE_CLOSED", "the store is closed");
  }
}
