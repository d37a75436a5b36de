/** A hosted cache of version 1.0 by TLS, which is told of one segment at a time. [MS-PCHC] 3.1.5.1, 3.1.5.2 */
import type { OriginReply, OriginRequest } from "../../stage/origin.ts";
import type { Played, Stage } from "../../stage/stage.ts";
import { playedOnce } from "../../stage/target.ts";
import { OFFER_PATH_1 } from "../hosted-cache/messages.ts";
import { INITIAL_OFFER, portOf, SEGMENT_INFO, typeOf } from "./offer-messages.ts";
import { INTERESTED, type OfferMessage, OK, playOffice } from "./office.ts";

export interface FirstVersionOffer {
  readonly body: Uint8Array;
  /** It came by TLS. */
  readonly secure: boolean;
  /** The header field Authorization; undefined without. */
  readonly authorization: string | undefined;
  /** INITIAL_OFFER or SEGMENT_INFO. */
  readonly type: number;
  readonly port: number;
  readonly pulled: OfferMessage["pulled"];
}

export interface FirstVersionPlay {
  readonly played: Played;
  /** Messages in the order in which they came. */
  readonly offers: readonly FirstVersionOffer[];
}

export interface FirstVersionScene {
  /** Default `answerWithInterest`. */
  readonly answer?: (type: number, request: OriginRequest) => OriginReply;
  /** Ask for a block when the segment's hashes come. Default false. */
  readonly pull?: boolean;
  /** Whether nothing more is waited for after messages of these types. Default: after the first. */
  readonly enough?: (types: readonly number[]) => boolean;
}

/** Downloads new content, of version 1.0 as its offers have to be, without any peer, and waits for offers. */
export async function playFirstVersion(
  stage: Stage,
  { answer = answerWithInterest, pull = false, enough = (types) => types.length > 0 }: FirstVersionScene = {},
): Promise<FirstVersionPlay> {
  const { played, offers } = await playOffice(stage, {
    version: 1,
    path: OFFER_PATH_1,
    answer: (request, body) => answer(typeOf(body), request),
    pull: (body, content) => (pull && typeOf(body) === SEGMENT_INFO ? content.segments[1][0]?.id : undefined),
    enough: (bodies) => enough(bodies.map(typeOf)),
  });
  return {
    played,
    offers: offers.map(({ body, pulled, request }) => ({
      body,
      secure: request.secure,
      authorization: request.headers["authorization"],
      type: typeOf(body),
      port: portOf(body),
      pulled,
    })),
  };
}

export const infoCame = (types: readonly number[]): boolean => types.includes(SEGMENT_INFO);

/** The scene in which the cache wants to know everything, as far as the first hashes. */
export const interestedScene = playedOnce((stage) =>
  playFirstVersion(stage, { pull: true, enough: infoCame }),
);

/** Interested in what is offered, and content with its hashes. */
export const answerWithInterest = (type: number): OriginReply => (type === INITIAL_OFFER ? INTERESTED : OK);
