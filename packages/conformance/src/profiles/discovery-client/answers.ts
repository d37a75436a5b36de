/** What a client makes of answers. [MS-PCCRD] 3.1.4 */
import { formatEndpoint } from "@branchcache/runtime";
import { finding, skipped } from "../../kit/check.ts";
import { blocksOf, CONTENT_VERSIONS, type ContentVersion } from "../../stage/content.ts";
import type { PeerScript } from "../../stage/peer.ts";
import type { MatchChanges } from "../../stage/probe-match.ts";
import type { Announcement, Scene } from "../../stage/stage.ts";
import { type ClientCheck, fromOrigin, whatCame, wrongContent } from "../../stage/target.ts";
import { offLinkAddress } from "./off-link.ts";

type Answers = NonNullable<Scene["answers"]>;

/** The honest answer of the first peer comes so much after the bad one: the client has a peer to turn to. */
const HONEST_AFTER_MS = 40;

/** First what `bad` gives, which names the second peer, and then the honest answer of the first. */
function before(bad: (announcement: Announcement) => Uint8Array): Answers {
  return (announcement) => {
    const [honest] = announcement.peers;
    return [
      { afterMs: 0, datagram: bad(announcement) },
      ...(honest ? [{ afterMs: HONEST_AFTER_MS, datagram: announcement.match(honest) }] : []),
    ];
  };
}

const changedMatch =
  (changes: MatchChanges) =>
  ({ match, peers }: Announcement): Uint8Array =>
    peers[1] ? match(peers[1], changes) : new Uint8Array(0);

const changedText =
  (change: (text: string) => string) =>
  (announcement: Announcement): Uint8Array =>
    new TextEncoder().encode(change(new TextDecoder().decode(changedMatch({})(announcement))));

interface Ignored {
  readonly id: string;
  readonly requirements: readonly string[];
  readonly title: string;
  readonly what: string;
  readonly versions?: readonly ContentVersion[];
  readonly bad: (announcement: Announcement) => Uint8Array;
}

/** A bad answer that a client has to ignore: the peer it names gets no request, the honest one does. */
function ignored({ bad, what, versions = CONTENT_VERSIONS, ...check }: Ignored): ClientCheck {
  return {
    ...check,
    level: "MUST",
    negative: true,
    async run({ stage }) {
      for (const version of versions) {
        const played = await stage.play({ version, peers: [{}, {}], answers: before(bad) });
        const [honest, other] = played.peers.map(({ requests }) => requests.length);
        if (!played.right || honest === 0 || other !== 0) {
          const received =
            wrongContent(played) ?? `${other} requests to that peer, ${honest} to the honest one`;
          return finding(false, `${what} (version ${version}.0)`, received, EXPECTED);
        }
      }
      return finding(true, what, "no request to that peer", EXPECTED);
    },
  };
}

const EXPECTED = "no request to whoever is named in it, and blocks from the peer that answers well";

const MALFORMED: readonly Ignored[] = [
  {
    id: "not-xml",
    requirements: ["PCCRD-47", "PCCRD-52", "WSD-63"],
    title: "drops what is no XML",
    what: "a ProbeMatches that is cut in the middle",
    bad: changedText((text) => text.slice(0, text.length >> 1)),
  },
  {
    id: "document-type",
    requirements: ["WSD-65"],
    title: "refuses a document type and its entities",
    what: "a ProbeMatches with a DOCTYPE",
    bad: changedText((text) => text.replace("?>", '?><!DOCTYPE x [<!ENTITY e "e">]>')),
  },
  {
    id: "no-addresses",
    requirements: ["PCCRD-43", "PCCRD-47"],
    title: "drops an answer without addresses",
    what: "a ProbeMatches without XAddrs",
    bad: changedText((text) => text.replace(/<wsd:XAddrs>.*<\/wsd:XAddrs>/, "")),
  },
  {
    id: "other-type",
    requirements: ["PCCRD-10", "PCCRD-43"],
    title: "leaves alone what is of another type",
    what: "a ProbeMatches of a printer",
    bad: changedMatch({ typeName: "PrintDeviceType" }),
  },
  {
    id: "short-block-counts",
    requirements: ["PCCRD-35", "PCCRD-47"],
    title: "drops block counts that are not as many as the segments",
    what: "a BlockCount of three digits",
    versions: [1],
    bad: changedMatch({ blockCount: "006" }),
  },
  {
    id: "illegal-bits",
    requirements: ["PCCRD-22", "PCCRD-47"],
    title: "drops a bit array that says whole, but not in part",
    what: "01 for every segment",
    versions: [2],
    bad: changedMatch({ scopes: ["VVVV"] }),
  },
  {
    id: "segments-nobody-asked-for",
    requirements: ["PCCRD-45"],
    title: "drops an answer about segments that it did not ask for",
    what: "a ProbeMatches about another segment",
    versions: [1],
    bad: changedMatch({ scopes: ["AD9724D3999D5C863A940AA3187052FA5833AED2526F3C056C727A0FCFD5577B"] }),
  },
  {
    id: "unknown-relates-to",
    requirements: ["PCCRD-48", "WSD-18"],
    title: "drops a version 2.0 answer to a probe that it did not send",
    what: "a RelatesTo of nobody's",
    versions: [2],
    bad: changedMatch({ relatesTo: "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301" }),
  },
];

interface Used {
  readonly id: string;
  readonly requirements: readonly string[];
  readonly level: ClientCheck["level"];
  readonly title: string;
  readonly what: string;
  readonly versions?: readonly ContentVersion[];
  readonly answers: Answers;
  readonly peers?: readonly PeerScript[];
}

/** An answer that is good, though unusual, late or in parts: every block has to come from the peers. */
function used({ what, versions = CONTENT_VERSIONS, answers, peers = [{}], ...check }: Used): ClientCheck {
  return {
    ...check,
    async run({ stage }) {
      const expected = "every block from the peers that answered";
      for (const version of versions) {
        const played = await stage.play({ version, peers, answers });
        const refetched = blocksOf(played.content, played.version).filter((block) =>
          fromOrigin(played, block),
        );
        const idle = played.peers.filter(({ requests }) => requests.length === 0).length;
        if (played.right && refetched.length === 0 && idle === 0) continue;
        const received =
          wrongContent(played) ?? `${refetched.length} blocks from the origin; ${whatCame(played)}`;
        return finding(false, `${what} (version ${version}.0)`, received, expected);
      }
      return finding(true, what, "all of that", expected);
    },
  };
}

const firstPeer =
  (changes: MatchChanges, afterMs = 0): Answers =>
  ({ match, peers: [peer] }) =>
    peer ? [{ afterMs, datagram: match(peer, changes) }] : [];

const USED: readonly Used[] = [
  {
    id: "answer-used",
    requirements: ["PCCRD-46", "PCCRD-39"],
    level: "MUST",
    title: "turns to the address and port of an answer",
    what: "an honest answer",
    answers: firstPeer({}),
  },
  {
    id: "waits-for-answers",
    requirements: ["PCCRD-40", "PCCRD-41"],
    level: "SHOULD",
    title: "waits as long as a peer may hold its answer back",
    what: "an answer after 65 ms",
    answers: firstPeer({}, 65),
  },
  {
    id: "any-prefix",
    requirements: ["PCCRD-3"],
    level: "MUST",
    title: "reads an answer whatever its prefixes",
    what: "other prefixes",
    answers: firstPeer({ otherPrefixes: true }),
  },
  {
    id: "any-metadata-version",
    requirements: ["PCCRD-27"],
    level: "SHOULD",
    title: "does not mind a MetadataVersion that it did not expect",
    what: "MetadataVersion 7",
    answers: firstPeer({ metadataVersion: 7 }),
  },
  {
    id: "wrapper-of-drafts",
    requirements: ["PCCRD-37"],
    level: "MUST",
    title: "reads the segment ages in PeerDistDataV2 too",
    what: "PeerDistDataV2 round SegmentAges",
    versions: [2],
    answers: firstPeer({ wrapper: "PeerDistDataV2" }),
  },
  {
    id: "unknown-relates-to-v1",
    requirements: ["PCCRD-49"],
    level: "SHOULD",
    title: "takes a version 1.0 answer that names its segments, whatever its RelatesTo",
    what: "a RelatesTo of nobody's",
    versions: [1],
    answers: firstPeer({ relatesTo: "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301" }),
  },
  {
    id: "several-answers",
    requirements: ["WSD-47", "PCCRD-46"],
    level: "MUST",
    title: "takes answers of several peers to one probe",
    what: "two peers with half of the blocks each",
    versions: [1],
    peers: [{ holds: (_, index) => index % 2 === 0 }, { holds: (_, index) => index % 2 === 1 }],
    answers: ({ match, peers }) => peers.map((peer, i) => ({ afterMs: 20 * i, datagram: match(peer) })),
  },
  {
    id: "several-addresses",
    requirements: ["PCCRD-50"],
    level: "MUST",
    title: "tries the other addresses of a peer when one does not answer",
    what: "a closed port, then the right one",
    versions: [1],
    answers: ({ match, peers: [peer], closedPort }) => {
      if (!peer) return [];
      const endpoints = [{ ...peer.endpoint, port: closedPort }, peer.endpoint];
      return [{ afterMs: 0, datagram: match(peer, { xAddrs: endpoints.map(formatEndpoint) }) }];
    },
  },
];

export const answerChecks: readonly ClientCheck[] = [
  ...USED.map(used),
  ...MALFORMED.map(ignored),
  {
    id: "off-link-address",
    requirements: ["PCCRD-43", "PCCRD-44"],
    level: "MUST",
    title: "connects to no address outside the link",
    negative: true,
    async run({ stage }) {
      const outside = offLinkAddress(stage.endpoint.address);
      if (outside === undefined) return skipped("this host has no address outside the link to listen on");
      const peers: readonly PeerScript[] = [{}, { address: outside }];
      const played = await stage.play({ peers, answers: before(changedMatch({})) });
      const [honest, other] = played.peers.map(({ requests }) => requests.length);
      return finding(
        played.right && other === 0,
        `XAddrs ${outside}`,
        wrongContent(played) ?? `${other} requests there, ${honest} to the peer on the link`,
        "no request there",
      );
    },
  },
];
