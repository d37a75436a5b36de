/** The hash cache, in the environment of the blocks. */
import type { PublicationEntry, PublicationStore } from "../block-store.ts";
import { StoreError } from "../errors.ts";
import { writeFailure } from "./batch-writer.ts";
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
    await this.#write(() => this.#table.put(publicationKey(key), value));
  }

  async delete(key: string): Promise<void> {
    await this.#write(() => this.#table.remove(publicationKey(key)));
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

  async #write(change: () => unknown): Promise<void> {
    this.#assertOpen();
    await writeFailure(
      this.#environment.path,
      this.#environment.root.transaction(() => {
        change();
      }),
    );
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError("BC_STORE_CLOSED", "the store is closed");
  }
}
