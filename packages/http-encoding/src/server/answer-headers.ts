/** The header fields that the coding adds to an answer, changes or takes away. [MS-PCCRTP] 3.2.5.1 */
import { fieldText, type HeaderFields } from "../http-fields.ts";
import {
  formatPeerDist,
  formatPeerDistEx,
  PEERDIST,
  VERSION_1_1,
  X_P2P_PEERDIST,
  X_P2P_PEERDIST_EX,
} from "../peerdist-fields.ts";
import type { CodableAnswer } from "./decision.ts";
import type { PeerDistOffer } from "./offer.ts";

/** A string sets the field, undefined removes it. */
export type HeaderChanges = Readonly<Record<string, string | undefined>>;

const VARY_NAMES = ["Accept-Encoding", X_P2P_PEERDIST, X_P2P_PEERDIST_EX];

/** For every answer of a resource that may be coded: a shared cache must tell the clients apart. */
export function varyChanges(headers: HeaderFields): HeaderChanges {
  const listed = listOf(fieldText(headers, "vary"));
  if (listed.includes("*")) return {};
  const known = new Set(listed.map((name) => name.toLowerCase()));
  return { Vary: [...listed, ...VARY_NAMES.filter((name) => !known.has(name.toLowerCase()))].join(", ") };
}

/** The answer is the content, and the client is asked to come back for the hashes. */
export function makeHashRequestChanges(): HeaderChanges {
  return {
    [X_P2P_PEERDIST]: formatPeerDist({ version: VERSION_1_1 }),
    [X_P2P_PEERDIST_EX]: formatPeerDistEx({ makeHashRequest: true }),
  };
}

/**
 * For content that stands in for Content Information which is not ready: a shared cache that kept it would
 * keep Content Information from everybody.
 */
export function privateChanges(headers: HeaderFields): HeaderChanges {
  return { "Cache-Control": privateOnly(fieldText(headers, "cache-control")) };
}

/** The answer's body becomes Content Information of `lengthBytes`. ETag, Last-Modified and type stay. */
export function contentInformationChanges(
  headers: HeaderFields,
  offer: PeerDistOffer,
  answer: CodableAnswer,
  lengthBytes: number,
): HeaderChanges {
  const { startBytes, endBytes } = answer.range;
  return {
    "Content-Encoding": PEERDIST,
    "Content-Length": String(lengthBytes),
    "Transfer-Encoding": undefined,
    [X_P2P_PEERDIST]: formatPeerDist({
      version: offer.codingVersion,
      contentLengthBytes: endBytes - startBytes,
    }),
    // Content Information carries the keys to the content: never in a cache that others read.
    ...privateChanges(headers),
    // Digests of the body as it would have been.
    "Content-MD5": undefined,
    Digest: undefined,
    "Content-Digest": undefined,
    "Repr-Digest": undefined,
  };
}

function privateOnly(cacheControl: string | undefined): string {
  const kept = listOf(cacheControl).filter((directive) => !/^(public|private|s-maxage)\b/i.test(directive));
  return ["private", ...kept].join(", ");
}

function listOf(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((element) => element.trim())
    .filter((element) => element !== "");
}
