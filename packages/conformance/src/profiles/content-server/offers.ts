/** Which requests offer the coding, and which do not. [MS-PCCRTP] 2.2, 3.2.5.1 */
import { firstFault } from "../../kit/check.ts";
import { informationFault, plainFault } from "./bodies.ts";
import type { ContentCheck } from "./information.ts";
import { answerFinding, FIRST_OFFER, type Headers, OFFER } from "./target.ts";

/** Each of these requests has to get the content as it is. */
const answeredPlain = (
  check: Omit<ContentCheck, "run" | "negative">,
  requests: readonly Headers[],
): ContentCheck => ({
  ...check,
  negative: true,
  run: (target) =>
    firstFault(requests, (headers) =>
      answerFinding(target, headers, "the content", (answer) => plainFault(answer, target)),
    ),
});

/** Each of these has to get Content Information. */
const answeredCoded = (
  check: Omit<ContentCheck, "run">,
  requests: readonly Headers[],
  version?: 1 | 2,
): ContentCheck => ({
  ...check,
  run: (target) =>
    firstFault(requests, (headers) =>
      answerFinding(target, headers, `Content Information${version ? ` ${version}.0` : ""}`, (answer) =>
        informationFault(answer, target, version === undefined ? {} : { version }),
      ),
    ),
});

const ex = (value: string): Headers => ({ ...OFFER, "X-P2P-PeerDistEx": value });
const peerDist = (value: string): Headers => ({ ...FIRST_OFFER, "X-P2P-PeerDist": value });
const accepting = (value: string): Headers => ({ ...OFFER, "Accept-Encoding": value });

export const offerChecks: readonly ContentCheck[] = [
  answeredPlain(
    {
      id: "no-offer",
      requirements: ["PCCRTP-2"],
      level: "MUST",
      title: "sends the content to a client that does not list the coding",
    },
    [{}, { ...OFFER, "Accept-Encoding": "identity" }, { "X-P2P-PeerDist": "Version=1.0" }],
  ),
  answeredPlain(
    {
      id: "coding-refused",
      requirements: ["PCCRTP-2", "PCCRTP-38"],
      level: "MUST",
      title: "takes peerdist;q=0 for a refusal",
    },
    [accepting("peerdist;q=0"), accepting("identity, peerdist; q=0.000")],
  ),
  answeredPlain(
    {
      id: "any-coding",
      requirements: ["PCCRTP-2"],
      level: "SHOULD",
      title: "takes * for no offer of this coding",
    },
    [accepting("*")],
  ),
  answeredPlain(
    {
      id: "identity-preferred",
      requirements: ["PCCRTP-38"],
      level: "SHOULD",
      title: "sends the content to a client that prefers identity",
    },
    [accepting("peerdist;q=0.5, identity;q=1")],
  ),
  answeredPlain(
    {
      id: "no-version",
      requirements: ["PCCRTP-19", "PCCRTP-20"],
      level: "MUST",
      title: "takes an offer without a version for none",
    },
    [{ "Accept-Encoding": "peerdist" }, peerDist(""), peerDist("Version="), peerDist("Version=one")],
  ),
  answeredPlain(
    {
      id: "unknown-version",
      requirements: ["PCCRTP-8", "PCCRTP-10"],
      level: "MUST",
      title: "answers Version=999.999 with the content",
    },
    [peerDist("Version=999.999"), { ...OFFER, "X-P2P-PeerDist": "Version=999.999" }],
  ),
  answeredPlain(
    {
      id: "missing-data",
      requirements: ["PCCRTP-12"],
      level: "MUST",
      title: "answers MissingDataRequest=true with the content, even beside an offer",
    },
    [
      peerDist("Version=1.0, MissingDataRequest=true"),
      { ...OFFER, "X-P2P-PeerDist": "Version=1.1, MissingDataRequest=true" },
      { ...OFFER, "X-P2P-PeerDist": "MissingDataRequest=TRUE,Version=1.1" },
    ],
  ),
  answeredPlain(
    {
      id: "missing-data-junk",
      requirements: ["PCCRTP-12"],
      level: "SHOULD",
      title: "answers MissingDataRequest with an invalid value with the content",
    },
    [peerDist("Version=1.0, MissingDataRequest=InvalidValue")],
  ),
  answeredCoded(
    {
      id: "missing-data-false",
      requirements: ["PCCRTP-12"],
      level: "SHOULD",
      title: "answers MissingDataRequest=false with Content Information",
    },
    [peerDist("Version=1.0, MissingDataRequest=false")],
  ),
  answeredPlain(
    {
      id: "ex-out-of-range",
      requirements: ["PCCRTP-29"],
      level: "MUST",
      title: "sends no Content Information for versions of it outside the document's",
    },
    [
      ex("MinContentInformation=900.0, MaxContentInformation=999.0"),
      ex("MinContentInformation=1.0, MaxContentInformation=3.0"),
      ex("MinContentInformation=2.0, MaxContentInformation=2.0"),
      ex("MinContentInformation=0.9, MaxContentInformation=2.0"),
      ex("MinContentInformation=2.0, MaxContentInformation=1.0"),
    ],
  ),
  answeredPlain(
    {
      id: "ex-incomplete",
      requirements: ["PCCRTP-21", "PCCRTP-29"],
      level: "SHOULD",
      title: "takes X-P2P-PeerDistEx without its two versions for out of range",
    },
    [ex("MinContentInformation=1.0"), ex("MaxContentInformation=2.0"), ex("")],
  ),
  answeredCoded(
    {
      id: "ex-in-any-shape",
      requirements: ["PCCRTP-6", "PCCRTP-15"],
      level: "MUST",
      title: "reads X-P2P-PeerDistEx in any order, letter case of names, and white space",
    },
    [
      ex("MinContentInformation=1.0,MaxContentInformation=2.0"),
      ex("MaxContentInformation=2.0, MinContentInformation=1.0"),
      ex("  mincontentinformation=1.0 ,\tMAXCONTENTINFORMATION=2.0 "),
    ],
  ),
  answeredCoded(
    {
      id: "version-in-any-shape",
      requirements: ["PCCRTP-5"],
      level: "MUST",
      title: "reads X-P2P-PeerDist in any order of parameters it knows and does not know",
    },
    [peerDist("version=1.0"), peerDist("Unknown=7, Version=1.0"), peerDist("Version=1.0,")],
  ),
  answeredCoded(
    {
      id: "first-version-with-ex",
      requirements: ["PCCRTP-30"],
      level: "SHOULD",
      title: "sends a client of version 1.0 Content Information 1.0, whatever X-P2P-PeerDistEx says",
    },
    [{ ...OFFER, "X-P2P-PeerDist": "Version=1.0" }],
    1,
  ),
  answeredCoded(
    {
      id: "coding-in-any-case",
      requirements: ["PCCRTP-4"],
      level: "SHOULD",
      title: "finds the coding in any letter case and among others",
    },
    [accepting("PeerDist"), accepting("gzip;q=0.1, peerdist;q=0.9"), accepting("identity, peerdist")],
  ),
  answeredCoded(
    {
      id: "hash-request",
      requirements: ["PCCRTP-6", "PCCRTP-16"],
      level: "MUST",
      title: "answers a hash request with Content Information",
    },
    [ex("MinContentInformation=1.0, MaxContentInformation=2.0, HashRequest=true")],
  ),
  answeredCoded(
    {
      id: "hash-request-alone",
      requirements: ["PCCRTP-16"],
      level: "SHOULD",
      title: "takes a hash request for an offer, as the document's example has it",
    },
    [
      {
        "X-P2P-PeerDist": "Version=1.1",
        "X-P2P-PeerDistEx": "MinContentInformation=1.0, MaxContentInformation=2.0, HashRequest=true",
      },
    ],
  ),
];
