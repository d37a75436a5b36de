/** Publishes a file without holding it in memory, and notices when it changes meanwhile. */
import type { HashEngine } from "../hash-engine.ts";
import {
  type AnyVersions,
  createPublisher,
  type Publications,
  type PublicationsOf,
  type PublisherOptions,
} from "../publisher.ts";
import { nodeHashEngine } from "./node-hash-engine.ts";
import { StableFile } from "./stable-file.ts";

/** Options of `publishFile`: versions and algorithm as for `createPublisher`, cancelling and progress. */
export interface PublishFileOptions<Versions extends AnyVersions = AnyVersions>
  extends Omit<PublisherOptions<Versions>, "engine"> {
  /** Default `nodeHashEngine`. */
  readonly engine?: HashEngine;
  /** When aborted, the promise rejects with its reason within a MiB of work. */
  readonly signal?: AbortSignal;
  /** Called after each MiB and at the end. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
}

const READ_BYTES = 1 << 20;

/**
 * Cuts and hashes on the caller's thread, one MiB while the next is read. Rejects with `ContentError`, which names
 * file and offset: `BC_CONTENT_READ`, or `BC_CONTENT_CHANGED` where size, time or identity changed.
 */
export function publishFile<const Versions extends AnyVersions = readonly [1, 2]>(
  path: string,
  options?: PublishFileOptions<Versions>,
): Promise<PublicationsOf<Versions>>;
export async function publishFile(path: string, options: PublishFileOptions = {}): Promise<Publications> {
  const { signal, onProgress, engine = nodeHashEngine } = options;
  signal?.throwIfAborted();
  const publisher = createPublisher({ ...options, engine });
  const file = await StableFile.open(path);
  try {
    for await (const piece of readAhead(file)) {
      signal?.throwIfAborted();
      publisher.update(piece.bytes);
      onProgress?.(piece.endBytes, file.sizeBytes);
    }
    await file.requireUnchanged();
    return publisher.finish();
  } finally {
    await file.close();
  }
}

/** Two buffers in turn: while one is worked on, the other is read into. */
async function* readAhead(file: StableFile) {
  const buffers = [new Uint8Array(READ_BYTES), new Uint8Array(READ_BYTES)] as const;
  const read = async (turn: number) => {
    const offset = turn * READ_BYTES;
    const bytes = buffers[(turn % 2) as 0 | 1].subarray(0, Math.min(READ_BYTES, file.sizeBytes - offset));
    await file.read(bytes, offset);
    return { bytes, endBytes: offset + bytes.length };
  };
  const turns = Math.ceil(file.sizeBytes / READ_BYTES);
  let next = turns > 0 ? read(0) : undefined;
  try {
    for (let turn = 0; next; turn++) {
      const piece = await next;
      next = turn + 1 < turns ? read(turn + 1) : undefined;
      yield piece;
    }
  } finally {
    // The buffer must not be written to, nor the file closed, under a read that nobody waits for.
    await next?.catch(() => undefined);
  }
}
