import { BranchCacheError } from "@branchcache/runtime";
import type { Profile } from "../../kit/check.ts";
import { seenText } from "../../kit/http.ts";
import { batchedOfferChecks } from "./batched-offers.ts";
import { firstVersionChecks } from "./first-version.ts";
import { batchedOffer, descriptor, OK } from "./messages.ts";
import { type HostedCacheTarget, isResponse, offer } from "./target.ts";

/** Whoever takes offers of segments and pulls them. [MS-PCHC] 3.1 */
export const hostedCache: Profile<HostedCacheTarget> = {
  name: "hosted-cache",
  title: "[MS-PCHC] Hosted Cache Protocol, server",
  async control(target) {
    const content = target.source.make(2, { held: false });
    const seen = await offer(target, 2, batchedOffer(target.source.port, [descriptor(content)]));
    if (isResponse(seen, OK)) return;
    throw new BranchCacheError(
      "BC_CONFORMANCE_CONTROL",
      `an offer was not answered with OK: ${seenText(seen)}`,
    );
  },
  checks: [...batchedOfferChecks, ...firstVersionChecks],
};
