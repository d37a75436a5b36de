/** A hosted cache of version 2.0, which is told of segments in batches. [MS-PCHC] 3.1.5.3 */
import type { ContentVersion } from "../../stage/content.ts";
import type { OriginReply } from "../../stage/origin.ts";
import type { Played, Stage } from "../../stage/stage.ts";
import { playedOnce } from "../../stage/target.ts";
import { OFFER_PATH_2 } from "../hosted-cache/messages.ts";
import { type Descriptor, portOf, readDescriptors } from "./offer-messages.ts";
import { type OfferMessage, OK, playOffice } from "./office.ts";

export interface BatchedOffer {
  readonly body: Uint8Array;
  readonly port: number;
  readonly descriptors: readonly Descriptor[];
  readonly pulled: OfferMessage["pulled"];
}

export interface SecondVersionPlay {
  readonly played: Played;
  /** In the order in which they came. */
  readonly offers: readonly BatchedOffer[];
}

export interface SecondVersionScene {
  /** Of the content. */
  readonly version: ContentVersion;
  readonly lengthBytes?: number;
  /** Ask for the first block of each offer. Default false. */
  readonly pull?: boolean;
  /** Default OK. */
  readonly answer?: OriginReply;
  /** Segments after whose offer there is nothing more to wait for. Default 1. */
  readonly enough?: number;
}

/** Downloads new content without any peer, and waits for offers. */
export async function playSecondVersion(stage: Stage, scene: SecondVersionScene): Promise<SecondVersionPlay> {
  const { answer = OK, enough = 1, lengthBytes, pull = false, version } = scene;
  const { played, offers } = await playOffice(stage, {
    version,
    ...(lengthBytes !== undefined && { lengthBytes }),
    path: OFFER_PATH_2,
    answer: () => answer,
    ...(pull && { pull: (body) => readDescriptors(body)[0]?.id ?? new Uint8Array(0) }),
    enough: (bodies) => bodies.reduce((sum, body) => sum + readDescriptors(body).length, 0) >= enough,
  });
  return {
    played,
    offers: offers.map(({ body, pulled }) => ({
      body,
      port: portOf(body),
      descriptors: readDescriptors(body),
      pulled,
    })),
  };
}

/** The scenes in which the cache takes what it is offered, by the version of the content. */
export const welcomingScenes = {
  1: playedOnce((stage) => playSecondVersion(stage, { version: 1, pull: true })),
  2: playedOnce((stage) => playSecondVersion(stage, { version: 2, pull: true })),
} as const;
