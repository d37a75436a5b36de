/** Blocks that come from the origin by range: cut out of its answer, and given to the node to verify and keep. */
import type { ContentRange } from "@branchcache/content-info";
import type { ContentReader } from "../branch-cache.ts";
import { ContentChanged } from "./content-changed.ts";

/** Blocks that the node verifies and keeps while the next ones arrive. */
export const ADDS_AHEAD = 16;

export interface AddedBlocks {
  readonly reader: ContentReader;
  /** What `body` is, in whole blocks. */
  readonly range: ContentRange;
  readonly body: AsyncIterable<Uint8Array>;
  /** Takes each block once it is verified, in order. */
  readonly write: (offsetBytes: number, bytes: Uint8Array) => Promise<void>;
  readonly stop: AbortSignal;
}

/**
 * Resolves to the bytes of it that the node did not keep. Throws `ContentChanged` where the bytes are not those of the
 * Content Information, and what `body`, `write` and `stop` fail with.
 */
export async function addBlocks({ reader, range, body, write, stop }: AddedBlocks): Promise<number> {
  let refusedBytes = 0;
  const adding: { readonly block: WholeBlock; readonly result: ReturnType<ContentReader["add"]> }[] = [];
  const settle = async (most: number) => {
    while (adding.length > most) {
      const first = adding.shift();
      if (!first) return;
      const { block, result } = first;
      const added = await result;
      // The same validator with other bytes: the file was changed behind the server's back.
      if (added === "mismatch") {
        throw new ContentChanged("bytes of the origin do not match its Content Information");
      }
      if (added === "not-kept") refusedBytes += block.bytes.length;
      await write(block.offsetBytes, block.bytes);
    }
  };
  for await (const block of wholeBlocks(body, reader, range)) {
    stop.throwIfAborted();
    const result = reader.add(block.offsetBytes, block.bytes);
    // Looked at in its turn; until then a failure is no unhandled one.
    result.catch(() => {});
    adding.push({ block, result });
    await settle(ADDS_AHEAD);
  }
  await settle(0);
  return refusedBytes;
}

interface WholeBlock {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

/** Cuts what the origin sends into the blocks that the Content Information lists. */
async function* wholeBlocks(
  body: AsyncIterable<Uint8Array>,
  reader: ContentReader,
  range: ContentRange,
): AsyncGenerator<WholeBlock, void, undefined> {
  let block = reader.blockAt(range.startBytes);
  let bytes = new Uint8Array(block?.lengthBytes ?? 0);
  let filled = 0;
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; ) {
      if (!block) throw new ContentChanged("the origin sent more than was asked for");
      const part = chunk.subarray(at, at + block.lengthBytes - filled);
      bytes.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < block.lengthBytes) continue;
      yield { offsetBytes: block.offsetBytes, bytes };
      const nextOffset: number = block.offsetBytes + block.lengthBytes;
      block = nextOffset < range.endBytes ? reader.blockAt(nextOffset) : undefined;
      bytes = new Uint8Array(block?.lengthBytes ?? 0);
      filled = 0;
    }
  }
  if (block) throw new ContentChanged("the origin sent less than was asked for");
}
