import type { Profile } from "../../kit/check.ts";
import { type ClientTarget, playControl } from "../../stage/target.ts";
import { answerChecks } from "./answers.ts";
import { requestChecks } from "./requests.ts";

/** A client of content servers, as the kit sees it in their place. [MS-PCCRTP] 3.1 */
export const httpClient: Profile<ClientTarget> = {
  name: "http-client",
  title: "[MS-PCCRTP] client of content servers",
  control: ({ stage }) => playControl(stage),
  checks: [...requestChecks, ...answerChecks],
};
