/** A client of hosted caches, as the kit sees it in their place; offers of either version. [MS-PCHC] 3.2 */
import { BranchCacheError } from "@branchcache/runtime";
import type { Profile } from "../../kit/check.ts";
import { type ClientTarget, whatCame, wrongContent } from "../../stage/target.ts";
import { firstVersionChecks } from "./first-version.ts";
import { playOffice } from "./office.ts";
import { questionChecks } from "./questions.ts";
import { secondVersionChecks } from "./second-version.ts";

/** A client that offers to hosted caches, as the kit sees it in their place. [MS-PCHC] 3.2 */
export const hostedClient: Profile<ClientTarget> = {
  name: "hosted-client",
  title: "[MS-PCHC] client of hosted caches, offers of version 1.0 or 2.0",
  async control({ stage }) {
    const { played, offers } = await playOffice(stage, { version: 1 });
    const wrong = wrongContent(played);
    if (wrong !== undefined) throw new BranchCacheError("BC_CONFORMANCE_CONTROL", wrong);
    if (offers.length > 0) return;
    throw new BranchCacheError("BC_CONFORMANCE_CONTROL", `no offer came: ${whatCame(played)}`);
  },
  // Questions first: a client may leave a cache alone for a while that answered its offers with nonsense.
  checks: [...questionChecks, ...secondVersionChecks, ...firstVersionChecks],
};
