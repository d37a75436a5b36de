/**
 * The node that callers use now. When settings change another takes its place: what began on the old one ends
 * there, and then it is closed.
 */
import type { BranchCache, ContentReader, NodeBlocks, PeerNode } from "@branchcache/peer-node";
import type { FetchedPiece } from "@branchcache/retrieval";
import { BranchCacheError } from "@branchcache/runtime";

interface Generation {
  readonly node: PeerNode;
  users: number;
  retired: boolean;
  closed: Promise<void> | undefined;
}

export class NodeSwitch implements BranchCache {
  #current: Generation | undefined;
  readonly #retiring = new Set<Generation>();

  /** For callers that go block by block. */
  readonly blocks: NodeBlocks = {
    held: (segments) => this.#with((node) => node.blocks.held(segments)),
    read: (segment, blockIndex) => this.#with((node) => node.blocks.read(segment, blockIndex)),
    keep: (segment, blockIndex, plaintext, tag) =>
      this.#with((node) => node.blocks.keep(segment, blockIndex, plaintext, tag)),
    fetch: (wanted, options) => this.#fetch(wanted, options),
    flashCrowd: (segments) => this.#current?.node.blocks.flashCrowd(segments) ?? false,
    flush: (tag) => this.#with((node) => node.blocks.flush(tag)),
  };

  get node(): PeerNode | undefined {
    return this.#current?.node;
  }

  /** From now on this one, or none. */
  use(node: PeerNode | undefined): void {
    const old = this.#current;
    this.#current = node && { node, users: 0, retired: false, closed: undefined };
    if (!old) return;
    old.retired = true;
    this.#retiring.add(old);
    this.#closeUnused(old);
  }

  async open(...args: Parameters<BranchCache["open"]>): Promise<ContentReader> {
    const generation = this.#enter();
    try {
      const reader = await generation.node.open(...args);
      return this.#watched(reader, generation);
    } catch (error) {
      this.#leave(generation);
      throw error;
    }
  }

  /** Ends everything at once, retiring nodes too. */
  async close(): Promise<void> {
    const all = [...(this.#current ? [this.#current] : []), ...this.#retiring];
    this.#current = undefined;
    await Promise.all(all.map(({ node }) => node.close()));
  }

  #watched(reader: ContentReader, generation: Generation): ContentReader {
    let open = true;
    const close = async () => {
      if (!open) return;
      open = false;
      try {
        await reader.close();
      } finally {
        this.#leave(generation);
      }
    };
    return {
      range: reader.range,
      blockAt: (offsetBytes) => reader.blockAt(offsetBytes),
      pieces: () => reader.pieces(),
      add: (offsetBytes, bytes) => reader.add(offsetBytes, bytes),
      explain: () => reader.explain(),
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  async *#fetch(...args: Parameters<NodeBlocks["fetch"]>): AsyncGenerator<FetchedPiece, void, undefined> {
    const generation = this.#enter();
    try {
      yield* generation.node.blocks.fetch(...args);
    } finally {
      this.#leave(generation);
    }
  }

  async #with<Result>(work: (node: PeerNode) => Promise<Result>): Promise<Result> {
    const generation = this.#enter();
    try {
      return await work(generation.node);
    } finally {
      this.#leave(generation);
    }
  }

  #enter(): Generation {
    if (!this.#current) {
      throw new BranchCacheError(
        "BC_DISABLED",
        "BranchCache is switched off on this machine: branchcache enable",
      );
    }
    this.#current.users++;
    return this.#current;
  }

  #leave(generation: Generation): void {
    generation.users--;
    this.#closeUnused(generation);
  }

  #closeUnused(generation: Generation): void {
    if (!generation.retired || generation.users > 0) return;
    generation.closed ??= generation.node.close().finally(() => this.#retiring.delete(generation));
    // Nobody waits for it; `close` does, and sees what went wrong.
    generation.closed.catch(() => {});
  }
}
