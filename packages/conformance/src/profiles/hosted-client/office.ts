/** The kit as a hosted cache that holds nothing: it takes offers, notes them, and pulls a block. [MS-PCHC] 3.1.5 */
import {
  createRetrievalServer,
  encodeMessage,
  getBlocks,
  parseResponse,
  RETRIEVAL_PATH,
} from "@branchcache/retrieval";
import { concatBytes, equalBytes, errorMessage, plainAddress } from "@branchcache/runtime";
import { exchange } from "../../kit/http.ts";
import { blocksOf, type ContentVersion, type StageContent, segmentById } from "../../stage/content.ts";
import type { OriginReply, OriginRequest } from "../../stage/origin.ts";
import type { Played, Stage } from "../../stage/stage.ts";
import { OFFER_PATH_1, OFFER_PATH_2 } from "../hosted-cache/messages.ts";
import { openBlock } from "../retrieval-server/opening.ts";
import { portOf, readDescriptors, segmentIdOf } from "./offer-messages.ts";

/** Size 1, and code 0 or 1. [MS-PCHC] 2.2.2 */
export const OK: OriginReply = { status: 200, headers: {}, body: Uint8Array.of(0, 0, 0, 1, 0) };
export const INTERESTED: OriginReply = { status: 200, headers: {}, body: Uint8Array.of(0, 0, 0, 1, 1) };

/** A message that came where offers go. */
export interface OfferMessage {
  readonly request: OriginRequest;
  readonly body: Uint8Array;
  /** What came when the client was asked for the first block, at once: the block, or what was wrong. */
  readonly pulled: "right" | "not-asked" | (string & {});
}

/** How the hosted cache behaves during one download. */
export interface OfficeScene {
  /** Of the content. */
  readonly version: ContentVersion;
  readonly lengthBytes?: number;
  /** Where messages are taken for offers. Default: the paths of both versions. */
  readonly path?: string;
  /** Default OK. */
  readonly answer?: (request: OriginRequest, body: Uint8Array) => OriginReply;
  /** The segment to ask the client for when this message comes; undefined for none. Default: none. */
  readonly pull?: (body: Uint8Array, content: StageContent) => Uint8Array | undefined;
  /** Whether nothing more is waited for after these messages. Default: after the first. */
  readonly enough?: (bodies: readonly Uint8Array[]) => boolean;
}

export interface OfficePlay {
  readonly played: Played;
  /** In the order in which they came. */
  readonly offers: readonly OfferMessage[];
}

/** Has the client download new content, which no peer holds, and waits for its offers. */
export async function playOffice(stage: Stage, scene: OfficeScene): Promise<OfficePlay> {
  const {
    answer = () => OK,
    enough = (bodies) => bodies.length > 0,
    lengthBytes,
    path,
    pull,
    version,
  } = scene;
  const holdsNothing = emptyCache(stage);
  const taken: (Omit<OfferMessage, "pulled"> & { readonly pulled: Promise<string> })[] = [];
  let content: StageContent | undefined;
  const take = async (request: OriginRequest, body: Uint8Array): Promise<OriginReply> => {
    // A client may still be busy with the segments of an earlier scene.
    const ids = offeredIds(request, body);
    if (ids.length > 0 && ids.every((id) => stage.isPast(id))) return OK;
    const id = content && pull?.(body, content);
    const pulled = content && id ? pullFirst(request, body, id, content) : Promise.resolve("not-asked");
    taken.push({ request, body, pulled });
    await pulled;
    return answer(request, body);
  };
  const played = await stage.play({
    version,
    peers: [],
    ...(lengthBytes !== undefined && { lengthBytes }),
    origin(_, ofScene) {
      content = ofScene;
      return undefined;
    },
    post(request, body) {
      const isOffer = path === undefined ? isOfferPath(request) : isPath(request, path);
      return isOffer ? take(request, body) : holdsNothing(request, body);
    },
    awaited: () => enough(taken.map(({ body }) => body)),
  });
  const offers = await Promise.all(
    taken.map(async ({ pulled, ...message }) => ({ ...message, pulled: await pulled })),
  );
  return { played, offers };
}

/** Whether the request is for this path, whose letter case and last slash do not matter. */
export const isPath = ({ path }: OriginRequest, wanted: string): boolean =>
  path.toLowerCase().replace(/\/$/, "") === wanted.toLowerCase().replace(/\/$/, "");

const isOfferPath = (request: OriginRequest) =>
  isPath(request, OFFER_PATH_1) || isPath(request, OFFER_PATH_2);

function offeredIds(request: OriginRequest, body: Uint8Array): readonly Uint8Array[] {
  if (isPath(request, OFFER_PATH_2)) return readDescriptors(body).map(({ id }) => id);
  const id = segmentIdOf(body);
  return id ? [id] : [];
}

/** Answers questions for blocks and segments, as a hosted cache that has none; undefined for anything else. */
function emptyCache(
  stage: Stage,
): (request: OriginRequest, body: Uint8Array) => Promise<OriginReply> | undefined {
  const server = createRetrievalServer({
    clock: stage.clock,
    source: { heldBlocks: async () => undefined, block: async () => undefined },
  });
  const answer = async (body: Uint8Array): Promise<OriginReply> => {
    const answered = await server.handle(body, "client");
    if (answered.kind !== "message") return { status: 400, headers: {}, body: new Uint8Array(0) };
    answered.done();
    return { status: 200, headers: {}, body: concatBytes(...answered.parts) };
  };
  return (request, body) => (isPath(request, RETRIEVAL_PATH) ? answer(body) : undefined);
}

/** Asks whoever sent an offer for the first block of a segment, and opens it: "right", or what was wrong. */
async function pullFirst(
  request: OriginRequest,
  body: Uint8Array,
  id: Uint8Array,
  content: StageContent,
): Promise<string> {
  const segment = segmentById(content, id);
  const block =
    segment &&
    blocksOf(content, segment.version).find(
      (one) => equalBytes(one.segment.id, segment.id) && one.index === 0,
    );
  if (!segment || !block) return "no segment of the content was offered";
  const message = encodeMessage(getBlocks, 1, {
    segmentId: segment.id,
    ranges: [{ index: 0, count: 1 }],
    verificationData: new Uint8Array(0),
  });
  const address = plainAddress(request.from.address);
  const seen = await exchange({ address, port: portOf(body) }, { path: RETRIEVAL_PATH, body: message });
  if (seen.kind === "nothing") return seen.reason;
  try {
    const answer = parseResponse(seen.body);
    if (answer.kind !== "block" || answer.body.data.length === 0) return "no block";
    if (answer.cipher === 0) return "a block that is not encrypted";
    const plain = openBlock(answer.body, answer.cipher, segment.secret)?.subarray(0, block.lengthBytes);
    const wanted = content.bytes.subarray(block.offsetBytes, block.offsetBytes + block.lengthBytes);
    return plain && equalBytes(plain, wanted) ? "right" : "wrong bytes";
  } catch (error) {
    return `no answer that can be read: ${errorMessage(error)}`;
  }
}
