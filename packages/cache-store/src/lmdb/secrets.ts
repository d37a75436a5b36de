/** Segment secrets in an environment of their own, so that blocks may lie where keys must not. */
import type { SegmentId, SegmentSecret } from "@branchcache/content-info";
import type { SecretStore } from "../block-store.ts";
import { closedError } from "../errors.ts";
import { type Environment, reading, type Table } from "./environment.ts";
import { transact } from "./transact.ts";

export class LmdbSecretStore implements SecretStore {
  readonly #environment: Environment;
  #closed = false;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  async get(id: SegmentId): Promise<SegmentSecret | undefined> {
    await this.#environment.ready();
    this.#assertOpen();
    return reading(this.#environment, () => {
      const secret = this.#table().getBinaryFast(id);
      return secret && new Uint8Array(secret.subarray(0, secret.length));
    });
  }

  async put(id: SegmentId, secret: SegmentSecret): Promise<void> {
    const [ownId, ownSecret] = [new Uint8Array(id), new Uint8Array(secret)];
    await this.#write(() => void this.#table().put(ownId, ownSecret));
  }

  async delete(id: SegmentId): Promise<void> {
    const own = new Uint8Array(id);
    await this.#write(() => void this.#table().remove(own));
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #write(change: () => void): Promise<void> {
    this.#assertOpen();
    await transact(this.#environment, change);
  }

  #table(): Table {
    return this.#environment.table("secrets");
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}
