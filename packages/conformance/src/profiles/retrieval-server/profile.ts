import { BranchCacheError } from "@branchcache/runtime";
import type { Profile } from "../../kit/check.ts";
import { retrievalServerChecks } from "./checks.ts";
import { getBlockList } from "./messages.ts";
import { ask, heldSegment, type RetrievalServerTarget, readAnswer, seenText } from "./target.ts";

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
  checks: retrievalServerChecks,
};
