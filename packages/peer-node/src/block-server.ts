/** Serves a store's verified blocks to peers. Several processes may share the store and, in a cluster, the port. */
import type { BlockStore, SecretStore } from "@branchcache/cache-store";
import { createRetrievalServer } from "@branchcache/retrieval";
import { createRetrievalHttpServer, nodeBlockCipher } from "@branchcache/retrieval/node";
import { type Clock, type Endpoint, type Observer, type Random, silentObserver } from "@branchcache/runtime";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { blockSourceOf } from "./block-source.ts";
import { closeServer, type ListenAddress, listen } from "./http-listen.ts";

/** Which store is served, and where. */
export interface BlockServerOptions {
  /** Only its verified blocks are served; secrets are needed to serve in another cipher. */
  readonly store: { readonly blocks: BlockStore; readonly secrets: SecretStore };
  /** Port 0 picks a free one. */
  readonly listen: ListenAddress;
  /** Serve in the cipher that a peer prefers, where the key is known. Default false: as blocks are kept. */
  readonly honourPreferredCipher?: boolean;
  /** Requests answered at once; processes that share a port divide the node's number among them. Default 64. */
  readonly maxUploads?: number;
  /** Default the system's. */
  readonly clock?: Clock;
  /** Makes initialization vectors. Default the system's. */
  readonly random?: Random;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
}

/** A port that serves blocks. */
export interface BlockServer extends AsyncDisposable {
  /** Where it listens. */
  readonly serving: Endpoint;
  /**
   * As `closeServer`: the port is free at once, answers under way have so many milliseconds, default two seconds.
   * `await using` does the same.
   */
  close(graceMs?: number): Promise<void>;
}

/** Errors: those of `listen`. */
export async function startBlockServer(options: BlockServerOptions): Promise<BlockServer> {
  const { store, clock = systemClock, random = systemRandom, observer = silentObserver } = options;
  const retrieval = createRetrievalServer({
    source: blockSourceOf(
      store.blocks,
      options.honourPreferredCipher ? { secrets: store.secrets, cipher: nodeBlockCipher, random } : undefined,
    ),
    clock,
    observer,
    ...(options.maxUploads === undefined ? {} : { maxUploads: options.maxUploads }),
  });
  const server = createRetrievalHttpServer(retrieval);
  const serving = await listen(server, options.listen, observer);
  const close = (graceMs?: number) => closeServer(server, graceMs);
  return { serving, close, [Symbol.asyncDispose]: close };
}
