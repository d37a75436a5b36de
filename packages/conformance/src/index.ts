/** Checks of any BranchCache implementation on the wire, and the report of what was seen. */
export type { Check, Finding, Level, Outcome, Profile } from "./kit/check.ts";
export type { Quirk } from "./kit/quirks.ts";
export { type CheckResult, type Counts, conforms, countOutcomes, type Report } from "./kit/report.ts";
export { type RunOptions, runProfile, selectChecks } from "./kit/run.ts";
export { seededRandom } from "./kit/seeded-random.ts";
export { type ContentServerOptions, openContentServer } from "./profiles/content-server/open.ts";
export { contentServer } from "./profiles/content-server/profile.ts";
export type { ContentServerTarget } from "./profiles/content-server/target.ts";
export { retrievalServer } from "./profiles/retrieval-server/profile.ts";
export type { RetrievalServerTarget } from "./profiles/retrieval-server/target.ts";
export { htmlReport } from "./report/html.ts";
export { jsonReport } from "./report/json.ts";
export { junitReport } from "./report/junit.ts";
export { listText, resultText, summaryText, textReport } from "./report/text.ts";
