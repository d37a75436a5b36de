/** The stores in memory: for tests, for clients that keep nothing, and as the measure of the others. */
import type { Stores } from "./block-store.ts";
import { MemoryBlockStore, type MemoryStoreOptions } from "./memory/block-store.ts";
import { MemoryPublicationStore } from "./memory/publications.ts";
import { MemorySecretStore } from "./memory/secrets.ts";

export type { MemoryStoreOptions } from "./memory/block-store.ts";

/** Empty stores of their own for each call; what they hold goes with them. Throws `BC_STORE_INVALID` for a limit below 0. */
export function createMemoryStore(options: MemoryStoreOptions): Stores {
  const secrets = new MemorySecretStore();
  const blocks = new MemoryBlockStore(options, (id) => secrets.forget(id));
  const publications = new MemoryPublicationStore();
  const close = async () => {
    publications.shut();
    await Promise.all([blocks.close(), secrets.close()]);
  };
  return {
    blocks,
    secrets,
    publications,
    close,
    [Symbol.asyncDispose]: close,
  };
}
