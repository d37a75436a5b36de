import type { Profile } from "../../kit/check.ts";
import { type ClientTarget, playControl } from "../../stage/target.ts";
import { answerChecks } from "./answers.ts";
import { probeChecks } from "./probes.ts";

/** A client that looks for peers, as the kit sees it in their place. [MS-PCCRD] 3.1 */
export const discoveryClient: Profile<ClientTarget> = {
  name: "discovery-client",
  title: "[MS-PCCRD] client of the link",
  control: ({ stage }) => playControl(stage, "link"),
  checks: [...probeChecks, ...answerChecks],
};
