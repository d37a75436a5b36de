/** Checks of any BranchCache implementation on the wire, and the report of what was seen. */
export type { Check, Finding, Level, Outcome, Profile } from "./kit/check.ts";
export type { HttpServerAddress } from "./kit/http.ts";
export { findQuirk, type Quirk, quirkPlaces } from "./kit/quirks.ts";
export { type CheckResult, type Counts, conforms, countOutcomes, type Report } from "./kit/report.ts";
export { type RunOptions, runProfile, selectChecks } from "./kit/run.ts";
export { seededRandom } from "./kit/seeded-random.ts";
export { type ContentServerOptions, openContentServer } from "./profiles/content-server/open.ts";
export { contentServer } from "./profiles/content-server/profile.ts";
export type { ContentServerTarget } from "./profiles/content-server/target.ts";
export { discoveryClient } from "./profiles/discovery-client/profile.ts";
export { discoveryTarget } from "./profiles/discovery-target/profile.ts";
export type { DiscoveryTarget } from "./profiles/discovery-target/target.ts";
export { hostedCache } from "./profiles/hosted-cache/profile.ts";
export {
  type HeldRequests,
  type OfferedContent,
  type OfferSource,
  type OfferSourceOptions,
  openSource,
} from "./profiles/hosted-cache/source.ts";
export type { HostedCacheTarget } from "./profiles/hosted-cache/target.ts";
export { hostedClient } from "./profiles/hosted-client/profile.ts";
export { httpClient } from "./profiles/http-client/profile.ts";
export { retrievalClient } from "./profiles/retrieval-client/profile.ts";
export { retrievalServer } from "./profiles/retrieval-server/profile.ts";
export type { RetrievalServerTarget } from "./profiles/retrieval-server/target.ts";
export type { UploadSettings } from "./profiles/retrieval-server/upload-settings.ts";
export { htmlReport } from "./report/html.ts";
export { jsonReport } from "./report/json.ts";
export { junitReport } from "./report/junit.ts";
export { listText, resultText, summaryText, textReport } from "./report/text.ts";
export type { TimedAnswer } from "./stage/announcer.ts";
export { commandClient } from "./stage/command-client.ts";
export type { ContentVersion, StageContent } from "./stage/content.ts";
export type { Certificate, OriginReply, OriginRequest } from "./stage/origin.ts";
export type { PeerRequest, PeerScript, StagePeer } from "./stage/peer.ts";
export type { SeenProbe } from "./stage/probe.ts";
export type { MatchChanges } from "./stage/probe-match.ts";
export {
  type Announcement,
  type FetchUrl,
  openStage,
  type Played,
  type Posted,
  type Scene,
  type Stage,
  type StageOptions,
} from "./stage/stage.ts";
export { type ClientTarget, clientTarget } from "./stage/target.ts";
