/** A peer that holds the content of a scene, notes every request, and answers as the scene says. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { CipherId, Segment } from "@branchcache/content-info";
import {
  createRetrievalServer,
  parseRequest,
  type Request,
  type RetrievalServer,
} from "@branchcache/retrieval";
import { type AnswerChange, type Fault, faultPeer } from "@branchcache/retrieval/testing";
import { type Clock, type Endpoint, errorMessage, type Random, toHex } from "@branchcache/runtime";
import { blockSource, type StageContent } from "./content.ts";

/** One request as it came. */
export interface PeerRequest {
  /** Counted from 0, over all connections of this peer. */
  readonly index: number;
  /** Method, path and version, as they came. */
  readonly requestLine: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The message in the body; undefined where it cannot be read. */
  readonly message: Request | undefined;
  /** Why the body cannot be read. */
  readonly problem: string | undefined;
  /** How many block requests came before it. */
  readonly blocksAsked: number;
  /** How many requests of any kind had been answered when it came. */
  readonly answered: number;
}

/** How a peer behaves; what is left out is honest. */
export interface PeerScript {
  /** Where it listens. Default where the origin does. */
  readonly address?: string;
  /** Default AES-128. */
  readonly cipher?: CipherId;
  /** Default every block. */
  readonly holds?: (segment: Segment, index: number) => boolean;
  /** What is wrong with the answer to a request; undefined for an honest one. */
  readonly fault?: (request: PeerRequest) => Fault | AnswerChange | undefined;
  /** How long the answer to a request is held back. Default 0. */
  readonly delayMs?: (request: PeerRequest) => number;
  /** Where the fault `redirect` points. */
  readonly redirectTo?: string;
}

/** A peer that the kit plays: where it listens, and what came so far. */
export interface StagePeer extends AsyncDisposable {
  readonly endpoint: Endpoint;
  readonly requests: readonly PeerRequest[];
  readonly script: PeerScript;
}

export interface StagePeerOptions {
  readonly address: string;
  readonly content: StageContent;
  readonly clock: Clock;
  readonly random: Random;
}

export async function openPeer(script: PeerScript, options: StagePeerOptions): Promise<StagePeer> {
  const { clock, content, random } = options;
  const { address = options.address, cipher, holds, fault, delayMs, redirectTo } = script;
  const requests: PeerRequest[] = [];
  const byBody = new WeakMap<Uint8Array, PeerRequest>();
  let blocksAsked = 0;
  let answered = 0;
  const inner = createRetrievalServer({
    clock,
    source: blockSource(content, {
      random,
      ...(cipher !== undefined && { cipher }),
      ...(holds && { holds }),
    }),
  });
  const server: RetrievalServer = {
    clock,
    uploadTimeoutMs: inner.uploadTimeoutMs,
    activeUploads: 0,
    async handle(body, from) {
      const request = byBody.get(body);
      const pauseMs = (request && delayMs?.(request)) ?? 0;
      if (pauseMs > 0) await clock.sleep(pauseMs);
      const answer = await inner.handle(body, from);
      answered++;
      return answer;
    },
  };
  const note = (head: string, body: Uint8Array): PeerRequest => {
    const [requestLine = "", ...fields] = head.split("\r\n");
    const read = readBody(body);
    const request = {
      index: requests.length,
      requestLine,
      headers: Object.fromEntries(fields.map(readField)),
      body,
      ...read,
      blocksAsked,
      answered,
    };
    if (read.message?.kind === "getBlocks") blocksAsked++;
    requests.push(request);
    byBody.set(body, request);
    return request;
  };
  const peer = faultPeer({
    server,
    clock,
    fault(_, { body, head }) {
      const request = note(head, body);
      return fault?.(request);
    },
    ...(redirectTo !== undefined && { redirectTo }),
  });
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    peer.accept(socket);
  });
  listener.listen(0, address);
  await once(listener, "listening");
  return {
    endpoint: { address, port: (listener.address() as AddressInfo).port },
    requests,
    script,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}

function readField(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
}

function readBody(body: Uint8Array): Pick<PeerRequest, "message" | "problem"> {
  try {
    return { message: parseRequest(body), problem: undefined };
  } catch (error) {
    return { message: undefined, problem: errorMessage(error) };
  }
}

export interface BlockRequest extends PeerRequest {
  readonly message: Extract<Request, { kind: "getBlocks" }>;
}

export function blockRequests(peer: StagePeer): readonly BlockRequest[] {
  return peer.requests.filter((request): request is BlockRequest => request.message?.kind === "getBlocks");
}

/** `segment:index` of the first block that is asked for. */
export function askedBlock({ message }: BlockRequest): string {
  return `${toHex(message.body.segmentId)}:${message.body.ranges[0]?.index ?? -1}`;
}
