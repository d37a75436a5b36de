import { BranchCacheError } from "@branchcache/runtime";
import type { Profile } from "../../kit/check.ts";
import { seenText } from "../../kit/http.ts";
import { blockListChecks } from "./block-lists.ts";
import { blockChecks } from "./blocks.ts";
import { encryptionChecks } from "./encryption.ts";
import { framingChecks } from "./framing.ts";
import { malformedChecks } from "./malformed.ts";
import { getBlockList } from "./messages.ts";
import { segmentListChecks } from "./segment-lists.ts";
import { ask, heldSegment, type RetrievalServerTarget, readAnswer } from "./target.ts";
import { uploadChecks } from "./uploads.ts";

/** Whoever gives blocks to others: a peer, or a hosted cache. [MS-PCCRR] 3.2 */
export const retrievalServer: Profile<RetrievalServerTarget> = {
  name: "retrieval-server",
  title: "[MS-PCCRR] Retrieval Protocol, server",
  async control(target) {
    const seen = await ask(target, getBlockList(heldSegment(target).id, [{ index: 0, count: 512 }]));
    const read = readAnswer(seen);
    if (read.ok && read.message.kind === "blockList" && read.message.body.ranges.length > 0) return;
    throw new BranchCacheError(
      "BC_CONFORMANCE_CONTROL",
      `the server does not say that it holds the segment: ${read.ok ? seenText(seen) : read.reason}`,
    );
  },
  checks: [
    ...framingChecks,
    ...blockChecks,
    ...encryptionChecks,
    ...blockListChecks,
    ...segmentListChecks,
    ...malformedChecks,
    ...uploadChecks,
  ],
};
