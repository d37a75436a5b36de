/** [MS-PCCRTP] the `peerdist` content coding. No `node:` modules here: those stand behind `./node`. */
export {
  type ContentRangeField,
  fieldText,
  type HeaderFields,
  parseAcceptEncoding,
  parseContentEncoding,
  parseContentRange,
} from "./http-fields.ts";
export {
  compareVersions,
  formatPeerDist,
  formatPeerDistEx,
  formatVersion,
  PEERDIST,
  type PeerDistExParams,
  type PeerDistParams,
  parsePeerDist,
  parsePeerDistEx,
  parseVersion,
  VERSION_1_0,
  VERSION_1_1,
  VERSION_2_0,
  type Version,
  X_P2P_PEERDIST,
  X_P2P_PEERDIST_EX,
} from "./peerdist-fields.ts";
export { redactUrl } from "./redact-url.ts";
export {
  contentInformationChanges,
  type HeaderChanges,
  makeHashRequestChanges,
  varyChanges,
} from "./server/answer-headers.ts";
export {
  type AnswerReading,
  type CodableAnswer,
  choose,
  type Decision,
  type DecisionInput,
  decide,
  type NotCodableReason,
  type PlainAnswer,
  type PlainReason,
  readAnswer,
} from "./server/decision.ts";
export {
  type NoOfferReason,
  type OfferReading,
  type PeerDistOffer,
  type RequestHead,
  readOffer,
} from "./server/offer.ts";
export type { PublicationProvider, Resource } from "./server/publications.ts";
export { isStrongEtag, representationValidator } from "./server/validator.ts";
