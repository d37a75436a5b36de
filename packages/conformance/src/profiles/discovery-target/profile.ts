import { BranchCacheError } from "@branchcache/runtime";
import type { Profile } from "../../kit/check.ts";
import { acceptedProbeChecks } from "./accepted-probes.ts";
import { answerChecks } from "./answers.ts";
import { probe } from "./probes.ts";
import { silenceChecks } from "./silence.ts";
import { ask, type DiscoveryTarget, heldSegment } from "./target.ts";

/** Whoever answers for the segments it holds. [MS-PCCRD] 3.2 */
export const discoveryTarget: Profile<DiscoveryTarget> = {
  name: "discovery-target",
  title: "[MS-PCCRD] Discovery Protocol, server",
  async control(target) {
    const answer = await ask(target, probe(target.random, 1, [heldSegment(target).id]));
    if (typeof answer !== "string") return;
    throw new BranchCacheError(
      "BC_CONFORMANCE_CONTROL",
      `the target does not answer for its segment: ${answer}`,
    );
  },
  checks: [...acceptedProbeChecks, ...answerChecks, ...silenceChecks],
};
