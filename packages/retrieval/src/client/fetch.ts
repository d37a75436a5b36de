/** Fetching many blocks from many peers at once. [MS-PCCRR] 3.1 */
import type { FetchBlocksOptions } from "./fetch-options.ts";
import { FetchSession } from "./fetch-session.ts";
import type { FetchedPiece, WantedBlock } from "./peers.ts";

/**
 * Every wanted block in its order, verified, or word that it is missing. Starts with the first piece that
 * is asked for, reads ahead so far and no further, and stops everything when the reader leaves. Rejects
 * only with `signal.reason`, with what the finder or `wanted` threw, or with `BC_BLOCK_NOT_LISTED` for a
 * block whose hash its segment does not have.
 */
export async function* fetchBlocks(
  wanted: Iterable<WantedBlock>,
  options: FetchBlocksOptions,
): AsyncGenerator<FetchedPiece, void, undefined> {
  options.signal?.throwIfAborted();
  const session = new FetchSession(wanted[Symbol.iterator](), options);
  try {
    session.start();
    for (;;) {
      const piece = session.take();
      if (piece) {
        yield piece;
        session.release(piece);
      } else if (session.finished) return;
      else await session.changed();
    }
  } finally {
    session.close();
  }
}
