/** Fetching many blocks from many peers at once. [MS-PCCRR] 3.1 */
import { requireNumber, requireOneOf } from "@branchcache/runtime";
import type { FetchBlocksOptions } from "./fetch-options.ts";
import { FetchSession } from "./fetch-session.ts";
import type { FetchedPiece, WantedBlock } from "./peers.ts";

/**
 * Every wanted block in its order, verified, or word that it is missing. Starts with the first piece that
 * is asked for, reads ahead so far and no further, and stops everything when the reader leaves. Rejects
 * only with `signal.reason`, with what the finder or `wanted` threw, with `BC_BLOCK_NOT_LISTED` for a block whose hash
 * its segment does not have, or with `BC_INVALID_ARGUMENT` for an option out of its bounds.
 */
export async function* fetchBlocks(
  wanted: Iterable<WantedBlock>,
  options: FetchBlocksOptions,
): AsyncGenerator<FetchedPiece, void, undefined> {
  checkOptions(options);
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

function checkOptions(options: FetchBlocksOptions): void {
  requireNumber("maxPeers", options.maxPeers, 1);
  requireNumber("window", options.window, 1);
  requireNumber("readAheadBlocks", options.readAheadBlocks, 1);
  requireNumber("requestTimeoutMs", options.requestTimeoutMs, 1);
  requireNumber("maxTimeouts", options.maxTimeouts, 1);
  requireNumber("blockTimeoutMs", options.blockTimeoutMs, 0);
  requireOneOf("order", options.order, ["reading", "rarest"]);
}
