/** A hosted cache of version 1.0 by TLS, which is told of one segment at a time. [MS-PCHC] 3.1.5.1, 3.1.5.2 */
import { readSegmentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { u16At } from "../../kit/integers.ts";
import type { StageContent } from "../../stage/content.ts";
import type { OriginReply, OriginRequest } from "../../stage/origin.ts";
import type { Played, Stage } from "../../stage/stage.ts";
import { OFFER_PATH_1 } from "../hosted-cache/messages.ts";
import { emptyCache, HEAD_BYTES, INTERESTED, isPath, OK, pullFirst } from "./office.ts";

/** Of MESSAGE_HEADER. */
export const INITIAL_OFFER = 1;
export const SEGMENT_INFO = 2;
export const TAG_BYTES = 16;

export interface FirstVersionOffer {
  readonly body: Uint8Array;
  readonly secure: boolean;
  /** Of the request, undefined without. */
  readonly authorization: string | undefined;
  readonly type: number;
  readonly port: number;
  /** What the first block turned out to be, asked for when this came. */
  readonly pulled: "right" | "not-asked" | (string & {});
}

export interface FirstVersionPlay {
  readonly played: Played;
  /** Messages in the order in which they came. */
  readonly offers: readonly FirstVersionOffer[];
}

export interface FirstVersionScene {
  /** Default `answerWithInterest`. */
  readonly answer?: (type: number, request: OriginRequest) => OriginReply;
  /** Ask for a block when the segment's hashes come. */
  readonly pull?: boolean;
  /** Messages after which there is nothing more to wait for. Default: the first. */
  readonly enough?: (types: readonly number[]) => boolean;
}

const typeOf = (body: Uint8Array) => (body.length >= HEAD_BYTES ? u16At(body, 2) : -1);

/** Of the segment that an INITIAL_OFFER names. */
export const offeredId = (body: Uint8Array): Uint8Array => body.slice(HEAD_BYTES);

/** Of the segment that a message is about; undefined where it cannot be made out. */
function segmentIdOf(body: Uint8Array): Uint8Array | undefined {
  if (typeOf(body) !== SEGMENT_INFO) return offeredId(body);
  try {
    return readSegmentInformation(body.subarray(HEAD_BYTES + TAG_BYTES), nodeHashEngine).id;
  } catch {
    return undefined;
  }
}

/** Downloads new content, of version 1.0 as its offers have to be, without any peer, and waits for offers. */
export async function playFirstVersion(
  stage: Stage,
  { answer = answerWithInterest, pull = false, enough = (types) => types.length > 0 }: FirstVersionScene = {},
): Promise<FirstVersionPlay> {
  const holdsNothing = emptyCache(stage);
  const pulled = new Map<Uint8Array, string>();
  const pulls: Promise<void>[] = [];
  const taken: { readonly request: OriginRequest; readonly body: Uint8Array }[] = [];
  let content: StageContent | undefined;
  const take = async (request: OriginRequest, body: Uint8Array): Promise<OriginReply> => {
    const id = segmentIdOf(body);
    if (id && stage.isPast(id)) return OK;
    taken.push({ request, body });
    if (pull && content && typeOf(body) === SEGMENT_INFO) {
      const [segment] = content.segments[1];
      const pulling = pullFirst(request, body, segment?.id, content);
      pulls.push(pulling.then((outcome) => void pulled.set(body, outcome)));
      await pulling;
    }
    return answer(typeOf(body), request);
  };
  const played = await stage.play({
    version: 1,
    peers: [],
    origin(_, of) {
      content = of;
      return undefined;
    },
    post: (request, body) =>
      isPath(request.path, OFFER_PATH_1) ? take(request, body) : holdsNothing(request, body),
    awaited: () => enough(taken.map(({ body }) => typeOf(body))),
  });
  await Promise.all(pulls);
  const offers = taken.map(({ body, request }) => ({
    body,
    secure: request.secure,
    authorization: request.headers["authorization"],
    type: typeOf(body),
    port: body.length >= HEAD_BYTES ? u16At(body, 8) : 0,
    pulled: pulled.get(body) ?? "not-asked",
  }));
  return { played, offers };
}

/** Interested in what is offered, and content with its hashes. */
export const answerWithInterest = (type: number): OriginReply => (type === INITIAL_OFFER ? INTERESTED : OK);
