import { BranchCacheError } from "@branchcache/runtime";
import type { Profile } from "../../kit/check.ts";
import { plainFault } from "./bodies.ts";
import { firstRequestChecks } from "./first-request.ts";
import { headerChecks } from "./headers.ts";
import { informationChecks } from "./information.ts";
import { offerChecks } from "./offers.ts";
import { ordinaryHttpChecks } from "./ordinary-http.ts";
import { type ContentServerTarget, get } from "./target.ts";

/** Whoever gives out Content Information for a resource instead of its content. [MS-PCCRTP] 3.2, [MS-PCCRC] */
export const contentServer: Profile<ContentServerTarget> = {
  name: "content-server",
  title: "[MS-PCCRTP] HTTP extensions and [MS-PCCRC] Content Information, server",
  async control(target) {
    const seen = await get(target, {});
    const fault = seen.kind === "answer" ? plainFault(seen, target) : seen.reason;
    if (fault === undefined) return;
    throw new BranchCacheError("BC_CONFORMANCE_CONTROL", `the server does not send the content: ${fault}`);
  },
  checks: [
    ...firstRequestChecks,
    ...informationChecks,
    ...headerChecks,
    ...offerChecks,
    ...ordinaryHttpChecks,
  ],
};
