/**
 * How a widely used implementation is known to break a rule. It is printed beside the failure, so that whoever tests
 * that implementation sees that the failure is not news; it does not make it a pass.
 */
export interface Quirk {
  /** Short and stable: `windows-sha256-only`. */
  readonly name: string;
  /** The implementation, for people. */
  readonly of: string;
  /** What it does, as a sentence. */
  readonly text: string;
}

const QUIRKS: Readonly<Record<string, Quirk>> = {
  "retrieval-server/long-segment-ids": {
    name: "windows-sha256-only",
    of: "Windows",
    text: "Windows takes only segment identifiers of 32 bytes in this protocol.",
  },
  "retrieval-server/block": {
    name: "suite-whole-secret",
    of: "Microsoft's test suite",
    text: "Its server takes all 32 bytes of the secret for a key, whatever cipher it names.",
  },
  "retrieval-server/segment-list": {
    name: "windows-7-first-version",
    of: "Windows 7 and Server 2008 R2",
    text: "They know neither MSG_GETSEGLIST nor MSG_SEGLIST.",
  },
  "retrieval-server/negotiation": {
    name: "windows-7-first-version",
    of: "Windows 7 and Server 2008 R2",
    text: "They know version 1.0 alone, so that is the highest they name.",
  },
  "retrieval-client/list-of-other-segment": {
    name: "windows-trusts-connection",
    of: "Windows",
    text: "It does not look at the segment of MSG_BLKLIST: the connection says whose answer it is.",
  },
  "retrieval-client/plaintext-block": {
    name: "ipxe-no-plaintext",
    of: "iPXE",
    text: "It never hashes a block that is not encrypted, so such a block always fails there.",
  },
  "retrieval-client/part-of-segment": {
    name: "ipxe-no-lists",
    of: "iPXE",
    text: "It asks for blocks at once, without a list, and learns from empty answers who lacks them.",
  },
  "retrieval-client/negotiation-resend": {
    name: "ipxe-no-negotiation",
    of: "iPXE",
    text: "It takes MSG_NEGO_RESP for a wrong answer, and turns to another peer or the origin.",
  },
  "discovery-client/format-v2": {
    name: "ipxe-first-format",
    of: "iPXE",
    text: "It probes in format 1.0 also for segments of Content Information 2.0.",
  },
  "discovery-client/any-prefix": {
    name: "ipxe-literal-tags",
    of: "iPXE",
    text: "It finds Scopes, XAddrs and BlockCount by their text, prefix included, and knows no other prefix.",
  },
  "discovery-client/unknown-relates-to": {
    name: "ipxe-any-relates-to",
    of: "iPXE",
    text: "It does not look at RelatesTo: what names a segment that it wants is an answer.",
  },
  "discovery-client/unknown-relates-to-v1": {
    name: "ipxe-any-relates-to",
    of: "iPXE",
    text: "It does not look at RelatesTo: what names a segment that it wants is an answer.",
  },
  "discovery-client/other-type": {
    name: "ipxe-any-type",
    of: "iPXE",
    text: "It does not look at Types.",
  },
  "discovery-target/probe-1.0": {
    name: "windows-7-suppression",
    of: "Windows 7 and Server 2008 R2",
    text: "A peer that saw ten or more others answer when it fetched the segment keeps silent itself, or answers one time in three.",
  },
  "discovery-target/probe-2.0": {
    name: "windows-7-first-format",
    of: "Windows 7 and Server 2008 R2",
    text: "They know format 1.0 alone.",
  },
  "content-server/first-request": {
    name: "windows-hashes-later",
    of: "Windows",
    text: "Its first answer is the content; hashing begins then, and Content Information comes some time after.",
  },
  "content-server/content-information-2": {
    name: "windows-7-first-version",
    of: "Windows 7 and Server 2008 R2",
    text: "They know Content Information 1.0 alone.",
  },
  "content-server/range": {
    name: "windows-small-content",
    of: "Windows",
    text: "Content below 64 KiB is said not to be hashed at all.",
  },
  "content-server/content-information": {
    name: "windows-small-content",
    of: "Windows",
    text: "Content below 64 KiB is said not to be hashed at all.",
  },
  "http-client/missing-data-guarded": {
    name: "ipxe-plain-ranges",
    of: "iPXE",
    text: "It asks for missing blocks by Range alone, without If-Range.",
  },
  "hosted-cache/known-only-with-data": {
    name: "windows-known-with-data",
    of: "Windows",
    text: "The document wants OK once the hashes are known; Windows answers INTERESTED until data was stored, which is what is looked for.",
  },
  "hosted-client/segment-information": {
    name: "suite-offset-as-length",
    of: "Microsoft's test suite",
    text: "Its client writes dwOffsetInFirstSegment where dwReadBytesInLastSegment belongs.",
  },
  "hosted-client/offer-message": {
    name: "windows-7-first-version",
    of: "Windows 7 and Server 2008 R2",
    text: "They offer by version 1.0 alone: give them --tls-listen.",
  },
};

/** The checks that have a quirk, each as `profile/check`. */
export const quirkPlaces: readonly string[] = Object.keys(QUIRKS);

/** The quirk of a check, by the name of its profile and its id. */
export function findQuirk(profile: string, check: string): Quirk | undefined {
  return QUIRKS[`${profile}/${check}`];
}
