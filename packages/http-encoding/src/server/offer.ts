/** What a request says about the coding. [MS-PCCRTP] 3.2.5.1 */
import type { ContentInformationVersion } from "@branchcache/content-info";
import { fieldText, type HeaderFields, parseAcceptEncoding } from "../http-fields.ts";
import {
  compareVersions,
  PEERDIST,
  type PeerDistExParams,
  parsePeerDist,
  parsePeerDistEx,
  VERSION_1_0,
  VERSION_1_1,
  VERSION_2_0,
  type Version,
} from "../peerdist-fields.ts";

/** The parts of a request that the decision looks at. */
export interface RequestHead {
  readonly method: string;
  readonly headers: HeaderFields;
}

/** A client's offer to take Content Information instead of content. */
export interface PeerDistOffer {
  /** Of the coding: 1.0 or 1.1, to be echoed. */
  readonly codingVersion: Version;
  /** Versions of Content Information that it takes, best first. */
  readonly acceptedVersions: readonly ContentInformationVersion[];
  /** It asks again, for hashes that were not ready before. */
  readonly hashRequest: boolean;
  /** It may be told to ask again. */
  readonly understandsMakeHashRequest: boolean;
}

/** Why a request gets content whatever hashes there are. [MS-PCCRTP] 3.2.5.1 */
export type NoOfferReason =
  /** Neither GET nor HEAD. */
  | "method"
  /** Accept-Encoding does not list `peerdist`, refuses it, or prefers `identity`; and it is no hash request. */
  | "not-offered"
  /** Neither 1.0 nor 1.1. */
  | "coding-version"
  /** Peers could not supply these bytes: nothing but content helps. */
  | "missing-data"
  /** X-P2P-PeerDistEx asks for versions outside the document's set. */
  | "content-information-version"
  /** Several ranges; Content Information has one. */
  | "multiple-ranges";

/** What `readOffer` found in a request: an offer, or why there is none. */
export type OfferReading =
  | { readonly kind: "offer"; readonly offer: PeerDistOffer }
  | { readonly kind: "none"; readonly reason: NoOfferReason };

/** Reads the request's side of the decision; HEAD is read like GET, but never coded. */
export function readOffer(request: RequestHead): OfferReading {
  const none = (reason: NoOfferReason): OfferReading => ({ kind: "none", reason });
  const { headers } = request;
  if (request.method !== "GET" && request.method !== "HEAD") return none("method");
  const paramsText = fieldText(headers, "x-p2p-peerdist");
  const exText = fieldText(headers, "x-p2p-peerdistex");
  // Most requests: none of the three fields says anything.
  if (paramsText === undefined && exText === undefined && !acceptsPeerDist(headers))
    return none("not-offered");
  const params = parsePeerDist(paramsText ?? "");
  const ex = exText === undefined ? undefined : parsePeerDistEx(exText);
  // Before the question of the offer: a request for missing data does not list the coding.
  if (params.missingDataRequest) return none("missing-data");
  // The document's example of a hash request has no Accept-Encoding at all.
  if (!acceptsPeerDist(headers) && !ex?.hashRequest) return none("not-offered");
  const codingVersion = [VERSION_1_0, VERSION_1_1].find(
    (known) => params.version && compareVersions(known, params.version) === 0,
  );
  if (!codingVersion) return none("coding-version");
  const accepted = acceptedVersions(ex);
  if (!accepted) return none("content-information-version");
  if (fieldText(headers, "range")?.includes(",")) return none("multiple-ranges");
  const first = compareVersions(codingVersion, VERSION_1_0) === 0;
  return {
    kind: "offer",
    offer: {
      codingVersion,
      acceptedVersions: first ? [1] : accepted,
      hashRequest: ex?.hashRequest === true,
      understandsMakeHashRequest: ex !== undefined && !first,
    },
  };
}

/** `*` is no offer: it names no coding that takes part in content caching. */
function acceptsPeerDist(headers: HeaderFields): boolean {
  const text = fieldText(headers, "accept-encoding");
  if (!text?.toLowerCase().includes(PEERDIST)) return false;
  const codings = parseAcceptEncoding(text);
  const weight = codings.get(PEERDIST) ?? 0;
  return weight > 0 && weight >= (codings.get("identity") ?? 0);
}

function acceptedVersions(
  ex: PeerDistExParams | undefined,
): readonly ContentInformationVersion[] | undefined {
  if (ex === undefined) return [1];
  const { minContentInformation: min, maxContentInformation: max } = ex;
  if (ex.malformed) return undefined;
  if (!min && !max && ex.hashRequest) return [1];
  if (!min || !max || compareVersions(min, VERSION_1_0) !== 0) return undefined;
  if (compareVersions(max, VERSION_1_0) === 0) return [1];
  return compareVersions(max, VERSION_2_0) === 0 ? [2, 1] : undefined;
}
