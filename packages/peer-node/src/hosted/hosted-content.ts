/** What a hosted cache holds and how it gets more: a store, and the clients that offer. */
import type { BlockStore, SecretStore } from "@branchcache/cache-store";
import type { Segment, SegmentId } from "@branchcache/content-info";
import type { HeldState, HostedContent, OfferedSegment, PullOutcome } from "@branchcache/hosted-cache";
import { type Clock, type HttpPort, type Random, silentObserver } from "@branchcache/runtime";
import { pullBlind } from "./blind-pull.ts";
import { ClientLinks } from "./client-links.ts";
import { pullVerified, type VerifiedPullOptions } from "./verified-pull.ts";

export interface HostedContentOptions extends VerifiedPullOptions {
  readonly secrets: SecretStore;
  readonly http: HttpPort;
  readonly clock: Clock;
  readonly random: Random;
}

export interface StoredHostedContent extends HostedContent {
  /** Closes the connections to clients. */
  close(): void;
}

export function hostedContent(options: HostedContentOptions): StoredHostedContent {
  const { blocks, clock, fetch, http, random, secrets } = options;
  const observer = fetch.observer ?? silentObserver;
  const links = new ClientLinks({
    clock,
    http,
    random,
    ...(fetch.requestTimeoutMs === undefined ? {} : { timeoutMs: fetch.requestTimeoutMs }),
  });

  const known = async (id: SegmentId): Promise<{ segment: Segment; missing: boolean } | undefined> => {
    const segment = await knownSegment(blocks, secrets, id);
    if (!segment) return undefined;
    const held = (await blocks.heldBlocks(id, "verified")) ?? [];
    return { segment, missing: held.length < segment.blockHashes.length };
  };

  const stateOf = async (
    offered: OfferedSegment,
    held: Awaited<ReturnType<BlockStore["holds"]>>[number],
  ): Promise<HeldState> => {
    if (!held) return { state: "missing" };
    if (held.verifiedBlocks === held.totalBlocks) return { state: "held" };
    if (held.verifiedBlocks > 0) {
      const segment = await knownSegment(blocks, secrets, offered.id);
      return { state: "missing", ...(segment ? { known: segment } : {}) };
    }
    if (held.heldBlocks === held.totalBlocks) return { state: "blind" };
    // Of other sizes than are held: one of the two is not telling the truth.
    const record = await blocks.segment(offered.id);
    const fits =
      !record ||
      (record.lengthBytes === offered.lengthBytes && record.blockSizeBytes === offered.blockSizeBytes);
    return { state: fits ? "missing" : "blind" };
  };

  return {
    known,
    async held(segments) {
      const held = await blocks.holds(segments.map(({ id }) => id));
      return Promise.all(segments.map((segment, i) => stateOf(segment, held[i])));
    },
    async pull(job, signal): Promise<PullOutcome> {
      const { wanted } = job;
      if (wanted.kind === "verified") return pullVerified(job, wanted.segment, signal, options);
      return links.use(job.from, (client) =>
        pullBlind(job, wanted.segment, client, signal, { blocks, observer }),
      );
    },
    close: () => links.close(),
  };
}

/** What is known of a segment by those who verified blocks of it: undefined where hashes or key are lacking. */
async function knownSegment(
  blocks: BlockStore,
  secrets: SecretStore,
  id: SegmentId,
): Promise<Segment | undefined> {
  const record = await blocks.segment(id);
  if (record?.trust !== "verified" || !record.hashOfData || !record.algorithm) return undefined;
  const secret = await secrets.get(id);
  if (!secret) return undefined;
  const { algorithm, blockHashes: joined, blockSizeBytes, hashOfData, lengthBytes } = record;
  const version = algorithm === "sha512-truncated" ? 2 : 1;
  if (version === 1 && !joined) return undefined;
  const hashBytes = hashOfData.length;
  const blockHashes =
    joined && version === 1
      ? Array.from({ length: joined.length / hashBytes }, (_, i) =>
          joined.subarray(i * hashBytes, (i + 1) * hashBytes),
        )
      : [hashOfData];
  return {
    version,
    algorithm,
    id,
    secret,
    hashOfData,
    offsetBytes: 0,
    lengthBytes,
    blockSizeBytes,
    firstBlockIndex: 0,
    blockHashes,
  };
}
