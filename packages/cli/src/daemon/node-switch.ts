/**
 * The node that callers use at present. After a change of settings another takes its place; downloads that run on the
 * old one end there, and then it is closed.
 */
import type { BranchCache, ContentReader, NodeBlocks, PeerNode } from "@branchcache/peer-node";
import type { FetchedPiece } from "@branchcache/retrieval";
import { BranchCacheError, type Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import type { Downloads } from "../telemetry/downloads.ts";

interface Generation {
  readonly node: PeerNode;
  users: number;
  retired: boolean;
  closed: Promise<void> | undefined;
}

export class NodeSwitch implements BranchCache {
  readonly #downloads: Downloads;
  readonly #observer: Observer;
  #current: Generation | undefined;
  readonly #retiring = new Set<Generation>();

  constructor(downloads: Downloads, observer: Observer) {
    this.#downloads = downloads;
    this.#observer = observer;
  }

  /** For callers that go block by block. */
  readonly blocks: NodeBlocks = {
    held: (segments) => this.#with((node) => node.blocks.held(segments)),
    read: (segment, blockIndex) => this.#with((node) => node.blocks.read(segment, blockIndex)),
    release: (plaintext) => this.#current?.node.blocks.release(plaintext),
    keep: (segment, blockIndex, plaintext, tag) =>
      this.#with((node) => node.blocks.keep(segment, blockIndex, plaintext, tag)),
    fetch: (wanted, options) => this.#fetch(wanted, options),
    flashCrowd: (segments) => this.#current?.node.blocks.flashCrowd(segments) ?? false,
    flush: (tag) => this.#with((node) => node.blocks.flush(tag)),
  };

  get node(): PeerNode | undefined {
    return this.#current?.node;
  }

  /** New calls go to this node from now on; undefined: they are refused. */
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
      return this.#watched(reader, generation, args[1]?.name);
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

  #watched(reader: ContentReader, generation: Generation, name: string | undefined): ContentReader {
    const { range } = reader;
    const note = this.#downloads.begin(name, range.endBytes - range.startBytes, systemClock.wallMs());
    const observer = this.#observer;
    let missing = false;
    let ended = false;
    let open = true;
    const close = async () => {
      if (!open) return;
      open = false;
      observer.count("reads_total", 1, { result: resultOf(ended, missing) });
      try {
        note.end(systemClock.wallMs(), await reader.explain().catch(() => undefined));
        await reader.close();
      } finally {
        this.#leave(generation);
      }
    };
    return {
      range,
      blockAt: (offsetBytes) => reader.blockAt(offsetBytes),
      async *pieces(options) {
        for await (const piece of reader.pieces(options)) {
          if (piece.kind === "data") note.add(piece.source, piece.bytes.length);
          else missing = true;
          yield piece;
        }
        ended = true;
      },
      async add(offsetBytes, bytes) {
        const result = await reader.add(offsetBytes, bytes);
        if (result !== "mismatch") {
          note.add("origin", bytes.length);
          observer.count("retrieval_bytes_total", bytes.length, { source: "origin", app: "http" });
        }
        return result;
      },
      release: (bytes) => reader.release?.(bytes),
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
    // A failure is seen by `close`, if that is called meanwhile.
    generation.closed.catch(() => {});
  }
}

function resultOf(ended: boolean, missing: boolean): "hit" | "partial" | "end" {
  if (!ended) return "end";
  return missing ? "partial" : "hit";
}
