/** Offers of version 2.0: batches over HTTP. [MS-PCHC] 3.2.4.1 */
import { type Finding, finding, skipped } from "../../kit/check.ts";
import { hexText } from "../../kit/http.ts";
import { CONTENT_VERSIONS, MANY_SEGMENTS_BYTES, segmentById } from "../../stage/content.ts";
import type { OriginReply } from "../../stage/origin.ts";
import type { Stage } from "../../stage/stage.ts";
import { type ClientCheck, wrongContent } from "../../stage/target.ts";
import {
  type BatchedOffer,
  playSecondVersion,
  type SecondVersionPlay,
  welcomingScenes,
} from "./second-version-office.ts";

const NOTHING = new Uint8Array(0);

/** A rule that every offer keeps, of content of both versions. */
function everyOffer(
  check: Omit<ClientCheck, "run">,
  expected: string,
  broken: (offer: BatchedOffer, play: SecondVersionPlay) => string | undefined,
): ClientCheck {
  return {
    ...check,
    async run({ stage }) {
      let looked = 0;
      for (const version of CONTENT_VERSIONS) {
        const play = await welcomingScenes[version](stage);
        for (const offer of play.offers) {
          looked++;
          const wrong = broken(offer, play);
          if (wrong !== undefined) return finding(false, NEW, `${wrong}: ${hexText(offer.body)}`, expected);
        }
      }
      return looked === 0 ? skipped(NO_OFFER) : finding(true, NEW, `${looked} offers`, expected);
    },
  };
}

const NEW = "content that only the origin has";
const NO_OFFER = "no offer of version 2.0 came";

/** A client that offers nothing by version 2.0 would only be waited for. */
const offersNothing = async (stage: Stage) => (await welcomingScenes[2](stage)).offers.length === 0;

/** An answer to offers that is none: the download goes on. */
function unharmed(id: string, what: string, answer: OriginReply): ClientCheck {
  return {
    id,
    requirements: ["PCHC-65", "PCHC-69"],
    level: "MUST",
    title: `comes by the content though the hosted cache answers offers with ${what}`,
    negative: true,
    async run({ stage }): Promise<Finding> {
      if (await offersNothing(stage)) return skipped(NO_OFFER);
      const { played, offers } = await playSecondVersion(stage, { version: 2, answer });
      if (offers.length === 0) return skipped(NO_OFFER);
      return finding(played.right, what, wrongContent(played) ?? "all of it", "the content");
    },
  };
}

export const secondVersionChecks: readonly ClientCheck[] = [
  everyOffer(
    {
      id: "offer-message",
      requirements: ["PCHC-3", "PCHC-19", "PCHC-20", "PCHC-21", "PCHC-24"],
      level: "MUST",
      title: "posts BATCHED_OFFER of version 2.0, minor byte first",
    },
    "00 02 00 03 as the first four bytes, and whole descriptors from byte 16 on",
    ({ body, descriptors }) =>
      hexText(body.subarray(0, 4)) === "00020003" && descriptors.length > 0 ? undefined : "another message",
  ),
  everyOffer(
    {
      id: "descriptors",
      requirements: ["PCHC-34", "PCHC-35"],
      level: "MUST",
      title: "describes segments with a content tag of 16 bytes, algorithm 1 or 4, and their true sizes",
    },
    "SizeOfContentTag 16, HashAlgorithm by version, BlockSize and SegmentSize of the Content Information",
    ({ descriptors }, { played }) => {
      for (const { algorithm, blockSize, id, segmentSize, tagSize } of descriptors) {
        const segment = segmentById(played.content, id);
        if (!segment) return "a segment of other content";
        if (tagSize !== 16) return `SizeOfContentTag ${tagSize}`;
        if (algorithm !== (segment.version === 1 ? 1 : 4)) return `HashAlgorithm ${algorithm}`;
        if (segmentSize !== segment.lengthBytes) return `SegmentSize ${segmentSize}`;
        if (blockSize !== segment.blockSizeBytes) return `BlockSize ${blockSize}`;
      }
      return undefined;
    },
  ),
  everyOffer(
    {
      id: "serves-what-it-offers",
      requirements: ["PCHC-12", "PCHC-13", "PCHC-23", "PCHC-57", "PCCRR-143"],
      level: "MUST",
      title: "serves what it offers at the port of the offer",
    },
    "the first block, when it is asked for at once",
    ({ port, pulled }) => (pulled === "right" ? undefined : `port ${port}: ${pulled}`),
  ),
  {
    id: "at-most-128",
    requirements: ["PCHC-33"],
    level: "MUST",
    title: "puts at most 128 segments into an offer",
    async run({ stage }) {
      if (await offersNothing(stage)) return skipped(NO_OFFER);
      const { played, offers } = await playSecondVersion(stage, {
        version: 2,
        lengthBytes: MANY_SEGMENTS_BYTES,
        enough: 129,
      });
      const counts = offers.map(({ descriptors }) => descriptors.length);
      const sum = counts.reduce((total, count) => total + count, 0);
      const expected = "more than 128 segments, in offers of at most 128";
      if (played.right && sum <= 128 && counts.every((count) => count > 0)) {
        return skipped(`only ${sum} of ${played.content.segments[2].length} segments were offered`);
      }
      const good = played.right && counts.every((count) => count > 0 && count <= 128);
      return finding(
        good,
        "content of many segments",
        wrongContent(played) ?? `offers of ${counts}`,
        expected,
      );
    },
  },
  unharmed("error-answer", "HTTP 500", { status: 500, headers: {}, body: NOTHING }),
  unharmed("empty-answer", "nothing", { status: 200, headers: {}, body: NOTHING }),
  unharmed("junk-answer", "a page", {
    status: 200,
    headers: {},
    body: new TextEncoder().encode("<html></html>"),
  }),
];
