/** A hosted cache that holds nothing: takes offers, notes them, and pulls what was offered. [MS-PCHC] 3.1.5.3 */
import { createDecipheriv } from "node:crypto";
import {
  createRetrievalServer,
  encodeMessage,
  getBlocks,
  parseResponse,
  RETRIEVAL_PATH,
} from "@branchcache/retrieval";
import { concatBytes, equalBytes, plainAddress } from "@branchcache/runtime";
import { exchange } from "../../kit/http.ts";
import { u16At } from "../../kit/integers.ts";
import { blocksOf, type ContentVersion, type StageContent, segmentById } from "../../stage/content.ts";
import type { OriginReply, OriginRequest } from "../../stage/origin.ts";
import type { Played, Posted, Scene, Stage } from "../../stage/stage.ts";
import { OFFER_PATH_2 } from "../hosted-cache/messages.ts";

interface Descriptor {
  readonly blockSize: number;
  readonly segmentSize: number;
  readonly tagSize: number;
  readonly algorithm: number;
  readonly id: Uint8Array;
}

export interface Offer {
  readonly body: Uint8Array;
  readonly path: string;
  readonly port: number;
  readonly descriptors: readonly Descriptor[];
  /** What the first block offered turned out to be when it was asked for at once. */
  readonly pulled: "right" | "not-asked" | (string & {});
}

export interface OfficePlay {
  readonly played: Played;
  readonly offers: readonly Offer[];
}

/** Size 1, and code 0 or 1. [MS-PCHC] 2.2.2 */
export const OK: OriginReply = { status: 200, headers: {}, body: Uint8Array.of(0, 0, 0, 1, 0) };
export const INTERESTED: OriginReply = { status: 200, headers: {}, body: Uint8Array.of(0, 0, 0, 1, 1) };
export const HEAD_BYTES = 16;
const DESCRIPTOR_BYTES = 59;

export const isPath = (path: string, wanted: string) =>
  path.toLowerCase().replace(/\/$/, "") === wanted.toLowerCase().replace(/\/$/, "");

/** Downloads new content without any peer, and waits for offers. */
export async function playOffice(
  stage: Stage,
  options: {
    readonly version: ContentVersion;
    readonly lengthBytes?: number;
    readonly pull?: boolean;
    readonly answer?: OriginReply;
    /** Segments after whose offer there is nothing more to wait for. */
    readonly enough?: number;
  },
): Promise<OfficePlay> {
  const { version, lengthBytes, pull = false, answer, enough = 1 } = options;
  const pulled = new Map<Uint8Array, string>();
  const pulls: Promise<void>[] = [];
  let content: StageContent | undefined;
  const holdsNothing = emptyCache(stage);
  const takeOffer = async (request: OriginRequest, body: Uint8Array): Promise<OriginReply> => {
    if (pull && content) {
      const pulling = pullFirst(request, body, readDescriptors(body)[0]?.id, content);
      pulls.push(pulling.then((outcome) => void pulled.set(body, outcome)));
      await pulling;
    }
    return answer ?? OK;
  };
  const scene: Scene = {
    version,
    peers: [],
    ...(lengthBytes !== undefined && { lengthBytes }),
    origin(_, of) {
      content = of;
      return undefined;
    },
    post(request, body) {
      if (isPath(request.path, OFFER_PATH_2)) return takeOffer(request, body);
      return holdsNothing(request, body);
    },
    awaited: (_, posts) =>
      posts.filter(isOffer).reduce((sum, { body }) => sum + readDescriptors(body).length, 0) >= enough,
  };
  const played = await stage.play(scene);
  await Promise.all(pulls);
  const offers = played.posts.filter(isOffer).map(({ body, request }) => ({
    body,
    path: request.path,
    port: body.length >= 10 ? u16At(body, 8) : 0,
    descriptors: readDescriptors(body),
    pulled: pulled.get(body) ?? "not-asked",
  }));
  return { played, offers };
}

/** Answers questions for blocks and segments, as a hosted cache that has none; undefined for anything else. */
export function emptyCache(
  stage: Stage,
): (request: OriginRequest, body: Uint8Array) => Promise<OriginReply> | undefined {
  const retrieval = createRetrievalServer({
    clock: stage.clock,
    source: { heldBlocks: async () => undefined, block: async () => undefined },
  });
  return (request, body) =>
    isPath(request.path, RETRIEVAL_PATH) ? answerRetrieval(retrieval, body) : undefined;
}

const isOffer = ({ request }: Posted) => isPath(request.path, OFFER_PATH_2);

async function answerRetrieval(
  server: ReturnType<typeof createRetrievalServer>,
  body: Uint8Array,
): Promise<OriginReply> {
  const answer = await server.handle(body, "client");
  if (answer.kind !== "message") return { status: 400, headers: {}, body: new Uint8Array(0) };
  answer.done();
  return { status: 200, headers: {}, body: concatBytes(...answer.parts) };
}

/** Empty where the message has no whole number of them. [MS-PCHC] 2.2.1.5 */
function readDescriptors(body: Uint8Array): readonly Descriptor[] {
  const count = (body.length - HEAD_BYTES) / DESCRIPTOR_BYTES;
  if (!Number.isInteger(count) || count < 1) return [];
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  return Array.from({ length: count }, (_, i) => {
    const at = HEAD_BYTES + i * DESCRIPTOR_BYTES;
    return {
      blockSize: view.getUint32(at),
      segmentSize: view.getUint32(at + 4),
      tagSize: view.getUint16(at + 8),
      algorithm: view.getUint8(at + 26),
      id: body.slice(at + 27, at + DESCRIPTOR_BYTES),
    };
  });
}

/** Asks the client for the first block of what it offers, and opens it. */
export async function pullFirst(
  request: OriginRequest,
  body: Uint8Array,
  id: Uint8Array | undefined,
  content: StageContent,
): Promise<string> {
  const segment = id && segmentById(content, id);
  if (!segment) return "no segment of the content was offered";
  const message = encodeMessage(getBlocks, 1, {
    segmentId: segment.id,
    ranges: [{ index: 0, count: 1 }],
    verificationData: new Uint8Array(0),
  });
  const address = plainAddress(request.from.address);
  const seen = await exchange({ address, port: u16At(body, 8) }, { path: RETRIEVAL_PATH, body: message });
  if (seen.kind === "nothing") return seen.reason;
  try {
    const answer = parseResponse(seen.body);
    if (answer.kind !== "block" || answer.body.data.length === 0) return "no block";
    if (answer.cipher !== 1) return answer.cipher === 0 ? "a block that is not encrypted" : "right";
    const decipher = createDecipheriv("aes-128-cbc", segment.secret.subarray(0, 16), answer.body.iv);
    decipher.setAutoPadding(false);
    const plain = Buffer.concat([decipher.update(answer.body.data), decipher.final()]);
    const block = blocksOf(content, segment.version).find(
      (one) => equalBytes(one.segment.id, segment.id) && one.index === 0,
    );
    if (!block) return "no block";
    const wanted = content.bytes.subarray(block.offsetBytes, block.offsetBytes + block.lengthBytes);
    return equalBytes(plain.subarray(0, block.lengthBytes), wanted) ? "right" : "wrong bytes";
  } catch (error) {
    return `no answer that can be read: ${String(error)}`;
  }
}
