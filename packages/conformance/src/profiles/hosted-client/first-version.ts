/** Offers of version 1.0: one segment at a time over TLS, its hashes when the cache asks for them. [MS-PCHC] 3.2 */
import { equalBytes, toHex } from "@branchcache/runtime";
import { type Finding, finding, skipped } from "../../kit/check.ts";
import { hexText } from "../../kit/http.ts";
import { segmentById } from "../../stage/content.ts";
import type { OriginReply } from "../../stage/origin.ts";
import { type ClientCheck, wrongContent } from "../../stage/target.ts";
import {
  answerWithInterest,
  type FirstVersionOffer,
  type FirstVersionPlay,
  type FirstVersionScene,
  infoCame,
  interestedScene,
  playFirstVersion,
} from "./first-version-office.ts";
import { HEAD_BYTES, INITIAL_OFFER, offeredId, SEGMENT_INFO, TAG_BYTES } from "./offer-messages.ts";
import { OK } from "./office.ts";

const NO_PLACE = "no place for offers of version 1.0 was given";
const NO_OFFER = "no offer of version 1.0 came";
const NO_CREDENTIALS =
  "the client was not said to have credentials for offers of version 1.0 (--expect-token)";
const NEW = "content that only the origin has";

/** A scene of version 1.0, or the shared one; skipped where there is no place for offers, or none comes. */
function firstVersion(
  check: Omit<ClientCheck, "run">,
  scene: FirstVersionScene | "interested",
  judge: (play: FirstVersionPlay) => Finding,
): ClientCheck {
  return {
    ...check,
    async run({ stage }) {
      if (!stage.offers) return skipped(NO_PLACE);
      const play = await (scene === "interested" ? interestedScene(stage) : playFirstVersion(stage, scene));
      return play.offers.length === 0 ? skipped(NO_OFFER) : judge(play);
    },
  };
}

/** A rule that every message of a type keeps. */
function everyMessage(
  check: Omit<ClientCheck, "run">,
  type: number | undefined,
  expected: string,
  broken: (offer: FirstVersionOffer, play: FirstVersionPlay) => string | undefined,
): ClientCheck {
  return firstVersion(check, "interested", (play) => {
    const messages = play.offers.filter((offer) => type === undefined || offer.type === type);
    const wrong = messages.map((offer) => ({ offer, fault: broken(offer, play) })).find(({ fault }) => fault);
    if (wrong) return finding(false, NEW, `${wrong.fault}: ${hexText(wrong.offer.body)}`, expected);
    return finding(messages.length > 0, NEW, `${messages.length} messages`, expected);
  });
}

/** What SegmentInformation has to be, byte for byte: the Content Information of the one segment. [MS-PCHC] 2.2.1.4 */
function segmentInformationFault(body: Uint8Array, { played }: FirstVersionPlay): string | undefined {
  const information = body.subarray(HEAD_BYTES + TAG_BYTES);
  const original = played.content.information[1];
  const [segment] = played.content.segments[1];
  if (!segment || information.length < 18) return "no Content Information";
  const view = new DataView(information.buffer, information.byteOffset, information.length);
  if (!equalBytes(information.subarray(0, 6), original.subarray(0, 6)))
    return "another Version or dwHashAlgo";
  if (view.getUint32(6, true) !== 0) return `dwOffsetInFirstSegment ${view.getUint32(6, true)}`;
  if (view.getUint32(10, true) !== segment.lengthBytes) {
    return `dwReadBytesInLastSegment ${view.getUint32(10, true)}, the segment has ${segment.lengthBytes}`;
  }
  if (view.getUint32(14, true) !== 1) return `cSegments ${view.getUint32(14, true)}`;
  // The content is one segment from its start: the rest is that of the origin's Content Information.
  return equalBytes(information.subarray(18), original.subarray(18))
    ? undefined
    : "another description, or other blocks, than the origin gave";
}

const tagOf = (body: Uint8Array) => body.subarray(HEAD_BYTES, HEAD_BYTES + TAG_BYTES);
const CHALLENGED = "HTTP 401 and WWW-Authenticate: Negotiate";
const hasToken = ({ authorization = "" }: { readonly authorization?: string | undefined }) =>
  /^Negotiate +\S/i.test(authorization);
const CHALLENGE: OriginReply = {
  status: 401,
  headers: { "WWW-Authenticate": "Negotiate" },
  body: new Uint8Array(0),
};

export const firstVersionChecks: readonly ClientCheck[] = [
  everyMessage(
    {
      id: "first-version-by-tls",
      requirements: ["PCHC-1", "PCHC-10"],
      level: "MUST",
      title: "sends offers of version 1.0 by TLS alone",
    },
    undefined,
    "TLS",
    ({ secure }) => (secure ? undefined : "plain HTTP"),
  ),
  everyMessage(
    {
      id: "initial-offer",
      requirements: ["PCHC-19", "PCHC-20", "PCHC-21", "PCHC-24", "PCHC-25", "PCHC-61", "PCCRC-19"],
      level: "MUST",
      title: "begins with INITIAL_OFFER of version 1.0, minor byte first, and the identifier of the segment",
    },
    INITIAL_OFFER,
    "00 01 00 01 as the first four bytes, and from byte 16 on the identifier, which ends the message",
    ({ body }, { played }) => {
      if (hexText(body.subarray(0, 4)) !== "00010001") return "another header";
      return segmentById(played.content, offeredId(body)) ? undefined : "a segment of other content";
    },
  ),
  firstVersion(
    {
      id: "hashes-on-interest",
      requirements: ["PCHC-16", "PCHC-56", "PCHC-63", "PCHC-64"],
      level: "MUST",
      title: "sends SEGMENT_INFO after INTERESTED",
    },
    "interested",
    ({ offers }) =>
      finding(
        infoCame(offers.map(({ type }) => type)),
        "INTERESTED in answer to INITIAL_OFFER",
        `messages of types ${offers.map(({ type }) => type)}`,
        "SEGMENT_INFO",
      ),
  ),
  firstVersion(
    {
      id: "no-hashes-without-interest",
      requirements: ["PCHC-63"],
      level: "MUST",
      title: "keeps SEGMENT_INFO, and with it the key, to itself after OK",
      negative: true,
    },
    { answer: () => OK, enough: infoCame },
    ({ offers }) =>
      finding(
        !infoCame(offers.map(({ type }) => type)),
        "OK in answer to INITIAL_OFFER",
        `messages of types ${offers.map(({ type }) => type)}`,
        "no SEGMENT_INFO",
      ),
  ),
  everyMessage(
    {
      id: "segment-information",
      requirements: ["PCHC-27", "PCHC-28", "PCHC-29", "PCHC-30", "PCHC-31", "PCHC-32"],
      level: "MUST",
      title: "describes in SEGMENT_INFO the one segment as the origin's Content Information does",
    },
    SEGMENT_INFO,
    "Version and dwHashAlgo of the origin, offset 0, cbSegment as dwReadBytesInLastSegment, one segment, its hashes",
    ({ body }, play) => segmentInformationFault(body, play),
  ),
  {
    id: "one-tag",
    requirements: ["PCHC-26", "PCHC-58"],
    level: "SHOULD",
    title: "puts the same content tag of 16 bytes into all that it offers through one application",
    async run({ stage }) {
      if (!stage.offers) return skipped(NO_PLACE);
      const tags: string[] = [];
      for (let download = 0; download < 2; download++) {
        const { offers } = await playFirstVersion(stage, { enough: infoCame });
        tags.push(
          ...offers.filter(({ type }) => type === SEGMENT_INFO).map(({ body }) => toHex(tagOf(body))),
        );
      }
      if (tags.length < 2) return skipped(NO_OFFER);
      const different = [...new Set(tags)];
      return finding(different.length === 1, "two downloads", different.join(", "), "one tag");
    },
  },
  everyMessage(
    {
      id: "serves-what-it-describes",
      requirements: ["PCHC-12", "PCHC-13", "PCHC-23", "PCHC-57", "PCCRR-143"],
      level: "MUST",
      title: "serves what it offers at the port of SEGMENT_INFO",
    },
    SEGMENT_INFO,
    "the first block, when it is asked for at once",
    ({ port, pulled }, { offers }) => {
      // One that came when the download was over was not followed up.
      if (pulled === "not-asked" && offers.some((other) => other.pulled === "right")) return undefined;
      return pulled === "right" ? undefined : `port ${port}: ${pulled}`;
    },
  ),
  firstVersion(
    {
      id: "challenge",
      requirements: ["PCHC-16", "PCHC-17", "PCHC-67"],
      level: "MUST",
      title: "answers 401 with a token of SPNEGO, or gives the offer up, and comes by the content",
      negative: true,
    },
    { answer: () => CHALLENGE, enough: () => false },
    ({ offers, played }) => {
      const tokens = offers.filter(hasToken);
      // A later offer of the same segment, of more blocks of it, may come again without.
      const repeated = offers.filter(
        ({ authorization, body }, i) =>
          authorization === undefined && offers.slice(0, i).some((earlier) => equalBytes(earlier.body, body)),
      );
      const wrong =
        wrongContent(played) ??
        (tokens.length === 0 && repeated.length > MAX_STEPS
          ? `the same offer ${repeated.length} times more, without a token`
          : undefined);
      return finding(
        wrong === undefined,
        CHALLENGED,
        wrong ?? `${tokens.length} tokens`,
        "the offer again with Authorization: Negotiate, or no more of it",
      );
    },
  ),
  {
    id: "token-after-challenge",
    requirements: ["PCHC-16", "PCHC-17", "PCHC-67"],
    level: "MUST",
    title: "sends an offer that was answered 401 again with a token of SPNEGO, if it has credentials",
    async run({ stage }) {
      if (!stage.offers) return skipped(NO_PLACE);
      if (!stage.expectsToken) return skipped(NO_CREDENTIALS);
      const { offers, played } = await playFirstVersion(stage, {
        answer: (type, request) => (hasToken(request.headers) ? answerWithInterest(type) : CHALLENGE),
        enough: infoCame,
      });
      if (offers.length === 0) return skipped(NO_OFFER);
      const isSentAgain = offers.some(
        (offer, i) => hasToken(offer) && offers.slice(0, i).some(({ body }) => equalBytes(body, offer.body)),
      );
      return finding(
        isSentAgain && played.right,
        CHALLENGED,
        wrongContent(played) ?? `${offers.length} messages, ${offers.filter(hasToken).length} with a token`,
        "the same message again with Authorization: Negotiate and a token, and the content",
      );
    },
  },
  {
    id: "unknown-certificate",
    requirements: ["PCHC-11", "PCHC-71"],
    level: "MUST",
    title: "offers nothing to a cache whose certificate it does not trust",
    negative: true,
    async run({ stage }) {
      if (!stage.offers) return skipped(NO_PLACE);
      const before = await playFirstVersion(stage);
      if (before.offers.length === 0) return skipped(NO_OFFER);
      const { offers, played } = await stage.asStranger(() =>
        playFirstVersion(stage, { enough: () => false }),
      );
      return finding(
        offers.length === 0 && played.right,
        "a certificate that nobody signed",
        wrongContent(played) ?? `${offers.length} messages`,
        "no message, and the content",
      );
    },
  },
  ...(
    [
      ["first-version-error-answer", "HTTP 500", { status: 500, headers: {}, body: new Uint8Array(0) }],
      ["first-version-junk-answer", "a page", { status: 200, headers: {}, body: Uint8Array.of(60, 104, 62) }],
    ] as const
  ).map(([id, what, answer]) =>
    firstVersion(
      {
        id,
        requirements: ["PCHC-65", "PCHC-69"],
        level: "MUST",
        title: `comes by the content, and sends no hashes, though the cache answers an offer with ${what}`,
        negative: true,
      },
      { answer: () => answer, enough: infoCame },
      ({ offers, played }) =>
        finding(
          played.right && !infoCame(offers.map(({ type }) => type)),
          what,
          wrongContent(played) ?? `messages of types ${offers.map(({ type }) => type)}`,
          "the content, and no SEGMENT_INFO",
        ),
    ),
  ),
];

/** Shares of a segment at which a client may offer it anew; Windows offers each fifth. [MS-PCHC] 3.2.4 */
const MAX_STEPS = 5;
