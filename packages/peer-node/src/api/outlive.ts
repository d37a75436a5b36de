/**
 * A reader that outlives the daemon it reads through: what the daemon had not given when it ended is missing, as what
 * no peer has, so that the origin gives it and the download comes to its end.
 */
import { type ContentInformation, type HashEngine, verifyBlock } from "@branchcache/content-info";
import { errorCode } from "@branchcache/runtime";
import { blockStartingAt, contentBlocks } from "../block-map.ts";
import type { ContentPiece, ContentReader, PiecesOptions } from "../branch-cache.ts";

/** `reader` rejects with `BC_DAEMON_CLOSED` when the daemon has ended. */
export function outlivingReader(
  reader: ContentReader,
  content: ContentInformation,
  engine: HashEngine,
): ContentReader {
  let closed = false;
  const isOver = (error: unknown) => !closed && errorCode(error) === "BC_DAEMON_CLOSED";

  async function* pieces(options?: PiecesOptions): AsyncGenerator<ContentPiece, void, undefined> {
    let nextBytes = content.range.startBytes;
    try {
      for await (const piece of reader.pieces(options)) {
        nextBytes = piece.offsetBytes + (piece.kind === "data" ? piece.bytes.length : piece.lengthBytes);
        yield piece;
      }
      return;
    } catch (error) {
      if (!isOver(error)) throw error;
    }
    for (const { offsetBytes, lengthBytes } of contentBlocks(content)) {
      if (offsetBytes >= nextBytes) yield { kind: "missing", offsetBytes, lengthBytes, reason: "failed" };
    }
  }

  const close = () => {
    closed = true;
    return reader.close();
  };
  return {
    range: reader.range,
    blockAt: (offsetBytes) => reader.blockAt(offsetBytes),
    pieces,
    async add(offsetBytes, bytes) {
      try {
        return await reader.add(offsetBytes, bytes);
      } catch (error) {
        const block = blockStartingAt(content, offsetBytes);
        if (!isOver(error) || !block) throw error;
        return verifyBlock(block.segment, block.blockIndex, bytes, engine) ? "not-kept" : "mismatch";
      }
    },
    release: (bytes) => reader.release?.(bytes),
    async explain() {
      try {
        return await reader.explain();
      } catch (error) {
        if (!isOver(error)) throw error;
        // It took its story along.
        return { peers: [], questions: [], segments: [] };
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
