import type { SegmentId, SegmentSecret } from "@branchcache/content-info";
import { toHex } from "@branchcache/runtime";
import type { SecretStore } from "../block-store.ts";
import { closedError } from "../errors.ts";

/** Segment secrets in memory, gone with the process. */
export class MemorySecretStore implements SecretStore {
  readonly #secrets = new Map<string, SegmentSecret>();
  #closed = false;

  async get(id: SegmentId): Promise<SegmentSecret | undefined> {
    this.#assertOpen();
    const secret = this.#secrets.get(toHex(id));
    return secret && new Uint8Array(secret);
  }

  async put(id: SegmentId, secret: SegmentSecret): Promise<void> {
    this.#assertOpen();
    this.#secrets.set(toHex(id), new Uint8Array(secret));
  }

  async delete(id: SegmentId): Promise<void> {
    this.#assertOpen();
    this.forget(id);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#secrets.clear();
  }

  forget(id: SegmentId): void {
    this.#secrets.delete(toHex(id));
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}
