import type { Profile } from "../../kit/check.ts";
import { type ClientTarget, playControl } from "../../stage/target.ts";
import { answerChecks } from "./answers.ts";
import { blockListChecks } from "./block-lists.ts";
import { requestChecks } from "./requests.ts";
import { transportChecks } from "./transport.ts";

/** A client of peers, as the kit sees it in their place. [MS-PCCRR] 3.1 */
export const retrievalClient: Profile<ClientTarget> = {
  name: "retrieval-client",
  title: "[MS-PCCRR] client of peers",
  control: ({ stage }) => playControl(stage, "peers"),
  checks: [...requestChecks, ...answerChecks, ...blockListChecks, ...transportChecks],
};
