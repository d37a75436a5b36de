/** What a download needs and may be told. */
import type { HashEngine } from "@branchcache/content-info";
import type { Clock, HttpPort, Observer } from "@branchcache/runtime";
import type { BlockCipher } from "../cipher.ts";
import type { FetchReport } from "./fetch-report.ts";
import type { FetchedBlock, PeerFinder, PeerSource, WantedBlock } from "./peers.ts";

/** The ports of a download, its bounds, and whom it tells of its progress. Times are in milliseconds. */
export interface FetchBlocksOptions {
  /** Asked for peers of the segments that no known peer would give. */
  readonly finder: PeerFinder;
  /** Known peers and hosted caches, asked before the finder. */
  readonly peers?: readonly PeerSource[];
  /** Connections to peers: `nodeHttpPort` of `./node`. */
  readonly http: HttpPort;
  /** Opens what peers sent: `nodeBlockCipher` of `./node`. */
  readonly cipher: BlockCipher;
  /** Verifies blocks. */
  readonly engine: HashEngine;
  /** Times requests, and how long a busy peer is left alone. */
  readonly clock: Clock;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
  /** Ends the download, which throws its reason. */
  readonly signal?: AbortSignal;
  /** Called for a peer whose bytes failed their hash, once; it is not asked again in this download. */
  readonly onLiar?: (peer: PeerSource, block: WantedBlock) => void;
  /** Called once, when the download is over, whole or not. */
  readonly onReport?: (report: FetchReport) => void;
  /**
   * Called as soon as a block is verified, before its turn in the order of reading; `sealed`, as it was received,
   * is there if it is fit to be stored, and with `keepSealed: false` during the call alone. Must not throw.
   */
  readonly onBlock?: (block: FetchedBlock) => void;
  /** Called as soon as blocks are known to be missing, some of them before their turn. Must not throw. */
  readonly onMissing?: (blocks: readonly WantedBlock[]) => void;
  /** Give each block as it was received, too, if it is fit to be stored. Default true. */
  readonly keepSealed?: boolean;
  /**
   * The bytes of a block are looked at only until the next piece is asked for: spares the memory of those
   * that were read, and the time to collect it. Bytes that are kept longer become empty. Default false.
   */
  readonly releaseBytes?: boolean;
  /** Peers used at once. Default 16. */
  readonly maxPeers?: number;
  /** Requests under way at one peer. Default 8. */
  readonly window?: number;
  /** Blocks fetched before the reader has taken the first of them. Default 128. */
  readonly readAheadBlocks?: number;
  /**
   * Which block goes first of those within `readAheadBlocks`: the one that is read first (`reading`, the
   * default), or where nobody waits for it the one that fewest peers hold. Pieces come in order either way.
   */
  readonly order?: "reading" | "rarest";
  /** For each request. Default 2,000. [MS-PCCRR] 3.1.2 */
  readonly requestTimeoutMs?: number;
  /** Time-outs after which a peer is dropped. Default 3. */
  readonly maxTimeouts?: number;
  /** How long a block is asked for, here and there, before it is missing. Default 5,000. */
  readonly blockTimeoutMs?: number;
}
