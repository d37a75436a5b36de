/** Reads one content through the local store and the peers of the branch. */
import {
  type ContentInformation,
  type HashEngine,
  type Segment,
  verifyBlock,
  verifyBlockList,
} from "@branchcache/content-info";
import {
  type FetchBlocksOptions,
  type FetchedPiece,
  fetchBlocks,
  type WantedBlock,
} from "@branchcache/retrieval";
import { BranchCacheError, formatEndpoint, type Observer } from "@branchcache/runtime";
import { blockStartingAt, contentBlocks, rangesOf, segmentBlocks } from "./block-map.ts";
import type { ContentPiece, ContentReader, PiecesOptions } from "./branch-cache.ts";
import { keepOnArrival } from "./keep-on-arrival.ts";
import { ReadingStory } from "./reading-story.ts";
import type { SegmentVault } from "./segment-vault.ts";

export interface NodeReaderOptions {
  readonly content: ContentInformation;
  readonly vault: SegmentVault;
  readonly engine: HashEngine;
  readonly observer: Observer;
  readonly signal?: AbortSignal;
  /** How blocks are fetched from peers. */
  readonly fetch: Omit<FetchBlocksOptions, "signal">;
  /** A block is kept that no hosted cache gave. Must not throw. */
  readonly onKept?: (segment: Segment, blockIndex: number) => void;
}

/** Throws `BC_CONTENT_INFORMATION_INVALID` when a complete list of block hashes does not match its hash of data. */
export function openNodeReader(options: NodeReaderOptions): ContentReader {
  const { content, vault, engine, observer } = options;
  for (const [i, segment] of content.segments.entries()) {
    if (verifyBlockList(segment, engine) === "mismatch") {
      throw new BranchCacheError(
        "BC_CONTENT_INFORMATION_INVALID",
        `Content Information contradicts itself: block hashes of segment ${i} do not match its hash of data`,
      );
    }
  }
  const closing = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, closing.signal]) : closing.signal;
  const story = new ReadingStory(content);
  let taken = false;

  return {
    range: content.range,
    blockAt: (offsetBytes) => blockStartingAt(content, offsetBytes),
    pieces({ onMissing } = {}) {
      if (taken)
        throw new BranchCacheError("BC_ALREADY_READ", "the pieces of this content are being read already");
      taken = true;
      return readPieces({ ...options, signal, story, onMissing });
    },
    async add(offsetBytes, bytes) {
      const block = blockStartingAt(content, offsetBytes);
      if (!block || block.lengthBytes !== bytes.length) {
        throw new BranchCacheError(
          "BC_INVALID_ARGUMENT",
          `no block of ${bytes.length} bytes starts at byte ${offsetBytes} of this content`,
        );
      }
      if (!verifyBlock(block.segment, block.blockIndex, bytes, engine)) {
        observer.count("blocks_rejected_total", 1, { reason: "origin" });
        return "mismatch";
      }
      const result = await vault.keep(block.segment, block.blockIndex, bytes);
      if (result === "kept") options.onKept?.(block.segment, block.blockIndex);
      return result;
    },
    release: (bytes) => options.fetch.cipher.release?.(bytes),
    async explain() {
      return story.explain();
    },
    async close() {
      closing.abort(new BranchCacheError("BC_CLOSED", "the reader was closed"));
    },
    async [Symbol.asyncDispose]() {
      await this.close();
    },
  };
}

async function* readPieces(
  options: NodeReaderOptions & {
    readonly signal: AbortSignal;
    readonly story: ReadingStory;
    readonly onMissing: PiecesOptions["onMissing"];
  },
): AsyncGenerator<ContentPiece, void, undefined> {
  const { content, vault, observer, signal, story, onMissing } = options;
  const held = new Map<Segment, ReadonlySet<number>>();
  for (let i = 0; i < content.segments.length; i += HOLDS_BATCH) {
    const batch = content.segments.slice(i, i + HOLDS_BATCH);
    const found = await vault.heldBlocks(batch);
    for (const [j, segment] of batch.entries()) held.set(segment, found[j] ?? new Set());
  }

  const keeping = keepOnArrival(vault);
  const remote = fetchBlocks(notHeld(content, held), {
    ...options.fetch,
    ...keeping.fetch,
    signal,
    ...(onMissing && { onMissing: (blocks) => onMissing(rangesOf(blocks)) }),
    onReport: (report) => story.fetched(report),
  })[Symbol.asyncIterator]();
  try {
    for (const block of contentBlocks(content)) {
      signal.throwIfAborted();
      const { segment, blockIndex, offsetBytes, lengthBytes } = block;
      if (held.get(segment)?.has(blockIndex)) {
        const bytes = await vault.read(segment, blockIndex);
        if (bytes) {
          observer.count("retrieval_bytes_total", bytes.length, { source: "local", app: "http" });
          story.local(segment, bytes.length);
          yield { kind: "data", offsetBytes, bytes, source: "local" };
        } else {
          // Evicted or damaged since we looked: too late to ask the peers for it in its order.
          yield { kind: "missing", offsetBytes, lengthBytes, reason: "failed" };
        }
        continue;
      }
      const next = await remote.next();
      if (next.done) throw new BranchCacheError("BC_INTERNAL", "fewer blocks fetched than wanted");
      const piece = next.value;
      if (piece.kind === "missing") {
        yield { kind: "missing", offsetBytes, lengthBytes, reason: piece.reason };
        continue;
      }
      const source = piece.from.kind;
      observer.count("retrieval_bytes_total", piece.bytes.length, { source, app: "http" });
      reportReceived(observer, piece);
      const isKept = (await keeping.kept(piece)) === "kept";
      if (isKept && source !== "hosted") options.onKept?.(segment, blockIndex);
      yield { kind: "data", offsetBytes, bytes: piece.bytes, source };
    }
  } finally {
    await remote.return?.();
  }
}

/** Who gave it, for whoever watches the peers. */
export function reportReceived(
  observer: Observer,
  { from, bytes }: Pick<ReceivedBlock, "from" | "bytes">,
): void {
  const [address] = from.addresses;
  observer.event("trace", "block.received", {
    peer: from.id,
    kind: from.kind,
    address: address && formatEndpoint(address),
    bytes: bytes.length,
  });
}

type ReceivedBlock = Extract<FetchedPiece, { readonly kind: "block" }>;

function* notHeld(
  content: ContentInformation,
  held: ReadonlyMap<Segment, ReadonlySet<number>>,
): Generator<WantedBlock, void, undefined> {
  for (const segment of content.segments) {
    const here = held.get(segment);
    for (const block of segmentBlocks(segment)) if (!here?.has(block.blockIndex)) yield block;
  }
}

const HOLDS_BATCH = 1_024;
