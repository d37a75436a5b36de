/** A node with a store and pretended peers, and a service over it. */
import { createMemoryStore } from "@branchcache/cache-store";
import { publishBytes, ServerSecret, writeContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { startPeerNode } from "@branchcache/peer-node";
import { systemClock } from "@branchcache/runtime/node";
import {
  type ManualClock,
  manualClock,
  type RecordingObserver,
  recordingObserver,
  seededRandom,
} from "@branchcache/runtime/testing";
import {
  type BlockAccess,
  type BlockName,
  PeerDistService,
  type PeerDistServiceOptions,
} from "../../src/index.ts";

export const engine = nodeHashEngine;
const secret = ServerSecret.fromBytes(Uint8Array.of(7));

/** What the peers say of a block; `never`: they keep it waiting. */
type PeerAnswer = Uint8Array | "no-peer" | "failed" | "timeout" | "never";

export interface Branch {
  readonly clock: ManualClock;
  readonly service: PeerDistService;
  readonly blocks: BlockAccess;
  /** What the service reports. */
  readonly observer: RecordingObserver;
  /** Default: nobody has anything. */
  peers: (block: BlockName) => PeerAnswer;
  /** Blocks asked of peers so far. */
  asked: number;
  /** Questions that have been given up. */
  abandoned: number;
  crowded: boolean;
}

export async function startBranch(options: Partial<PeerDistServiceOptions> = {}): Promise<Branch> {
  const clock = manualClock();
  const store = createMemoryStore({ limitBytes: 2 ** 28, clock: systemClock });
  const node = await startPeerNode({ store, mode: "local" });
  const blocks: BlockAccess = {
    ...node.blocks,
    flashCrowd: () => branch.crowded,
    async *fetch(wanted, { signal, tag }) {
      for (const block of wanted) {
        branch.asked++;
        const answer = branch.peers(block);
        if (answer === "never") {
          await new Promise<void>((_, reject) => {
            const giveUp = () => {
              branch.abandoned++;
              reject(signal.reason);
            };
            if (signal.aborted) giveUp();
            else signal.addEventListener("abort", giveUp, { once: true });
          });
        } else if (typeof answer === "string") yield { ...block, kind: "missing", reason: answer };
        else {
          await node.blocks.keep(block.segment, block.blockIndex, answer, tag);
          yield { ...block, kind: "block", bytes: answer, from: { kind: "peer" } };
        }
      }
    },
  };
  const observer = recordingObserver();
  const service = new PeerDistService({ blocks, engine, secret, clock, observer, ...options });
  const branch: Branch = {
    clock,
    service,
    blocks,
    observer,
    peers: () => "no-peer",
    asked: 0,
    abandoned: 0,
    crowded: false,
  };
  return branch;
}

/** Contents of the tests: a bit over three blocks of version 1. */
export const content = seededRandom(3).bytes(200_000);
const published = publishBytes(content, { engine });

export function information(version: 1 | 2, startBytes = 0, endBytes = content.length): Uint8Array {
  const publication = version === 1 ? published.v1 : published.v2;
  if (!publication) throw new Error("not published");
  return writeContentInformation(publication, secret, engine, { startBytes, endBytes });
}

/** Of version 1. */
export function bytesOf({ segment, blockIndex }: BlockName): Uint8Array {
  const start = segment.offsetBytes + blockIndex * segment.blockSizeBytes;
  return content.slice(
    start,
    Math.min(start + segment.blockSizeBytes, segment.offsetBytes + segment.lengthBytes),
  );
}
