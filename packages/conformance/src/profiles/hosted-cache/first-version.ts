/** Offers of version 1.0, by TLS. [MS-PCHC] 3.1.5.1, 3.1.5.2 */
import { type Finding, finding, skipped } from "../../kit/check.ts";
import { type HttpSeen, hexText, seenText } from "../../kit/http.ts";
import { batchedOffer, descriptor, INTERESTED, initialOffer, OK, segmentInfo } from "./messages.ts";
import type { OfferedContent } from "./source.ts";
import {
  eventually,
  givesBlock,
  type HostedCacheTarget,
  type HostedCheck,
  isDropped,
  isResponse,
  NO_TLS,
  notPulled,
  offer,
} from "./target.ts";

const DEMANDS = "the target demands authorization for offers of version 1.0";
const DEMANDS_NOT = "the target was not said to demand authorization (--expect-401)";

/** A check of offers without authorization: skipped without `tlsServer`, and where that demands authorization. */
const byTls = (check: HostedCheck): HostedCheck => ({
  ...check,
  async run(target) {
    if (!target.tlsServer) return skipped(NO_TLS);
    return target.expects401 ? skipped(DEMANDS) : check.run(target);
  },
});

/** A check of a target that demands authorization: skipped unless it was said to. */
const demanding = (
  check: Omit<HostedCheck, "run" | "level" | "negative" | "requirements">,
  headers: Readonly<Record<string, string>> = {},
): HostedCheck => ({
  ...check,
  requirements: ["PCHC-15"],
  level: "MUST",
  negative: true,
  async run(target) {
    if (!target.tlsServer) return skipped(NO_TLS);
    if (!target.expects401) return skipped(DEMANDS_NOT);
    const lure = target.source.make(1);
    const sent = segmentInfo(target.source.port, lure.information);
    return notPulled(target, 1, sent, lure, CHALLENGE, isChallenge, { headers });
  },
});

const CHALLENGE = "HTTP 401, WWW-Authenticate: Negotiate";

/** RFC 4559, 4.1: a server may offer other schemes beside. */
const isChallenge = (seen: HttpSeen): boolean =>
  seen.kind === "answer" &&
  seen.status === 401 &&
  /(?:^|,)\s*Negotiate\b/i.test(seen.headers["www-authenticate"] ?? "");

/** A finding of one exchange. */
const told = (sent: Uint8Array, seen: HttpSeen, good: boolean, expected: string): Finding =>
  finding(good, hexText(sent), seenText(seen), expected);

/** A SEGMENT_INFO that cannot be used: it is answered with OK all the same, and nothing is pulled. */
const leftAlone = (
  check: Omit<HostedCheck, "run" | "negative">,
  spoil: (information: Uint8Array, view: DataView, other: OfferedContent) => Uint8Array,
): HostedCheck =>
  byTls({
    ...check,
    negative: true,
    run(target) {
      const lure = target.source.make(1);
      const information = lure.information.slice();
      const spoiled = spoil(information, new DataView(information.buffer), target.source.make(1));
      const message = segmentInfo(target.source.port, spoiled);
      return notPulled(target, 1, message, lure, OK, (seen) => isResponse(seen, OK));
    },
  });

const dropped = (
  check: Omit<HostedCheck, "run" | "negative">,
  message: (port: number, lure: OfferedContent) => Uint8Array,
): HostedCheck =>
  byTls({
    ...check,
    negative: true,
    run(target) {
      const lure = target.source.make(1);
      const sent = message(target.source.port, lure);
      return notPulled(target, 1, sent, lure, "an HTTP error, or the connection closed", isDropped);
    },
  });

/** Offers the segment until the cache says that it knows it: the last answer. */
async function untilKnown(target: HostedCacheTarget, content: OfferedContent): Promise<HttpSeen> {
  const question = initialOffer(target.source.port, content.segment.id);
  let seen = await offer(target, 1, question);
  await eventually(target, async () => {
    seen = await offer(target, 1, question);
    return isResponse(seen, OK);
  });
  return seen;
}

export const firstVersionChecks: readonly HostedCheck[] = [
  byTls({
    id: "initial-offer-of-unknown",
    requirements: ["PCHC-1", "PCHC-4", "PCHC-25", "PCHC-37", "PCHC-41", "PCHC-42", "PCHC-44"],
    level: "MUST",
    title: "answers an initial offer of a segment it does not know with INTERESTED",
    async run(target) {
      const sent = initialOffer(target.source.port, target.source.make(1).segment.id);
      const seen = await offer(target, 1, sent);
      return told(sent, seen, isResponse(seen, INTERESTED), `HTTP 200, ${INTERESTED}`);
    },
  }),
  byTls({
    id: "segment-info",
    requirements: ["PCHC-38", "PCHC-46", "PCHC-49", "PCHC-50"],
    level: "MUST",
    title: "answers SEGMENT_INFO with OK, without an earlier offer too, and pulls every block",
    async run(target) {
      const content = target.source.make(1);
      const sent = segmentInfo(target.source.port, content.information);
      const seen = await offer(target, 1, sent);
      let good = isResponse(seen, OK);
      for (const index of content.segment.blockHashes.keys()) {
        good &&= await target.source.pulled(content, index);
      }
      return told(sent, seen, good, `${OK}, and a pull of every block`);
    },
  }),
  byTls({
    id: "initial-offer-of-known",
    requirements: ["PCHC-43", "PCHC-47", "PCHC-48"],
    level: "MUST",
    title: "answers an initial offer of a segment that it pulled with OK, and gives its blocks",
    async run(target) {
      const content = target.source.make(1);
      const sent = segmentInfo(target.source.port, content.information);
      await offer(target, 1, sent);
      const seen = await untilKnown(target, content);
      const given = await eventually(target, async () => (await givesBlock(target, content, 1)).isRight);
      return told(sent, seen, isResponse(seen, OK) && given, `${OK}, and block 1 from the cache`);
    },
  }),
  byTls({
    id: "known-only-with-data",
    requirements: ["PCHC-44", "PCHC-50"],
    level: "SHOULD",
    title: "answers INTERESTED again while the data of SEGMENT_INFO could not be pulled",
    async run(target) {
      const content = target.source.make(1, { held: false });
      await offer(target, 1, segmentInfo(target.source.port, content.information));
      const sent = initialOffer(target.source.port, content.segment.id);
      const seen = await offer(target, 1, sent);
      return told(sent, seen, isResponse(seen, INTERESTED), INTERESTED);
    },
  }),
  leftAlone(
    {
      id: "information-of-unknown-version",
      requirements: ["PCHC-38", "PCHC-50"],
      level: "SHOULD",
      title: "answers Content Information of an unknown version with OK, and pulls nothing",
    },
    (information, view) => {
      view.setUint16(0, 0xfefe);
      return information;
    },
  ),
  leftAlone(
    {
      id: "information-of-unknown-algorithm",
      requirements: ["PCHC-38", "PCHC-50"],
      level: "SHOULD",
      title: "answers an unknown dwHashAlgo with OK, and pulls nothing",
    },
    (information, view) => {
      view.setUint32(2, 0xfefe, true);
      return information;
    },
  ),
  leftAlone(
    {
      id: "information-without-segment",
      requirements: ["PCHC-31", "PCHC-38", "PCHC-50"],
      level: "SHOULD",
      title: "answers Content Information without its segment with OK, and pulls nothing",
    },
    (information) => information.subarray(0, 18),
  ),
  leftAlone(
    {
      id: "information-of-two-segments",
      requirements: ["PCHC-30", "PCHC-38", "PCHC-50"],
      level: "SHOULD",
      title: "answers Content Information of two segments with OK, and pulls nothing",
    },
    (information, view, other) => {
      view.setUint32(14, 2, true);
      const descriptionEnd = 18 + 80;
      return new Uint8Array([
        ...information.subarray(0, descriptionEnd),
        ...other.information.subarray(18, descriptionEnd),
        ...information.subarray(descriptionEnd),
        ...other.information.subarray(descriptionEnd),
      ]);
    },
  ),
  dropped(
    {
      id: "first-version-unknown-version",
      requirements: ["PCHC-20", "PCHC-54"],
      level: "MUST",
      title: "drops a message of an unknown version by TLS",
    },
    (port) => initialOffer(port, new Uint8Array(0), { minor: 0xfe, major: 0xfe }),
  ),
  dropped(
    {
      id: "first-version-unknown-type",
      requirements: ["PCHC-21", "PCHC-54"],
      level: "MUST",
      title: "drops a message of an unknown type by TLS",
    },
    (port) => initialOffer(port, new Uint8Array(0), { type: 0xfefe }),
  ),
  dropped(
    {
      id: "batched-offer-by-tls",
      requirements: ["PCHC-1", "PCHC-9", "PCHC-24", "PCHC-54"],
      level: "MUST",
      title: "drops an offer of version 2.0 that comes by TLS",
    },
    (port, lure) => batchedOffer(port, [descriptor(lure)]),
  ),
  demanding({
    id: "authorization-demanded",
    title: "answers an offer without Authorization with 401 that offers Negotiate, and pulls nothing",
  }),
  demanding(
    {
      id: "authorization-refused",
      title: "answers an offer whose token is none of SPNEGO with 401, and pulls nothing",
    },
    { Authorization: "Negotiate bm8gdG9rZW4=" },
  ),
  // Last, since a cache may ignore a client that has lied to it.
  byTls({
    id: "unverified-block",
    requirements: ["PCHC-55"],
    level: "MUST",
    title: "gives no block that does not match its hash",
    negative: true,
    async run(target) {
      const content = target.source.make(1);
      target.source.spoil(content);
      const sent = segmentInfo(target.source.port, content.information);
      const seen = await offer(target, 1, sent);
      const pulled = await target.source.pulled(content);
      // One more exchange, so that the cache has looked at what it pulled.
      await offer(target, 1, initialOffer(target.source.port, content.segment.id));
      const { isEmpty, seen: block } = await givesBlock(target, content, 0);
      return finding(
        isResponse(seen, OK) && pulled && isEmpty,
        `${hexText(sent)}, and blocks of zeros`,
        `${seenText(seen)}; ${pulled ? "pulled" : "not pulled"}; then ${seenText(block)}`,
        "a pull, and an empty MSG_BLK for others",
      );
    },
  }),
];
