/** A gateway on loopback before an origin that the test writes. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { systemClock } from "@branchcache/runtime/node";
import { type RecordingObserver, recordingObserver } from "@branchcache/runtime/testing";
import {
  type ContentServerOptions,
  createContentServer,
  createGateway,
  type GatewayOptions,
  memoryPublicationStore,
} from "../../../src/node.ts";
import { EXAMPLE_SECRET, listen, type TestServer } from "../http-fixture.ts";

const EX = "MinContentInformation=1.0, MaxContentInformation=2.0";
export const OFFER = {
  "Accept-Encoding": "gzip, deflate, peerdist",
  "X-P2P-PeerDist": "Version=1.1",
  "X-P2P-PeerDistEx": EX,
};
export const HASH_REQUEST = { ...OFFER, "X-P2P-PeerDistEx": `${EX}, HashRequest=true` };

export interface TestGateway extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly observer: RecordingObserver;
  /** Contents hashed so far, and how many of them did not come from a client's own download. */
  readonly hashed: () => number;
  /** Resolves once so many contents are hashed. */
  whenHashed(count?: number): Promise<void>;
}

export async function gatewayBefore(
  origin: string,
  options: Partial<GatewayOptions & ContentServerOptions> = {},
): Promise<TestGateway> {
  const recorded = recordingObserver();
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  let hashed = 0;
  const observer: RecordingObserver = {
    ...recorded,
    event(level, name, fields) {
      recorded.event(level, name, fields);
      if (name !== "publish.done") return;
      hashed++;
      for (const { count, resolve } of waiting) if (hashed >= count) resolve();
    },
  };
  const gateway = createGateway({
    origin,
    store: memoryPublicationStore(),
    secret: EXAMPLE_SECRET,
    engine: nodeHashEngine,
    clock: systemClock,
    observer,
    ...options,
  });
  const server = createContentServer(gateway.handler, options);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    observer,
    hashed: () => hashed,
    whenHashed: (count = 1) =>
      new Promise((resolve) => {
        if (hashed >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await gateway.close();
    },
  };
}

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}

export interface TestOrigin extends TestServer {
  readonly seen: Seen[];
  /** The handler's answers from now on. */
  answer(handler: (request: IncomingMessage, response: ServerResponse) => unknown): void;
}

/** Remembers what it was asked. */
export async function testOrigin(
  first: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<TestOrigin> {
  const seen: Seen[] = [];
  let handler = first;
  const server = await listen((request, response) => {
    seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers });
    return handler(request, response);
  });
  return {
    ...server,
    seen,
    answer: (next) => {
      handler = next;
    },
  };
}

export interface FileOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Default a strong ETag of the content. */
  readonly etag?: string | undefined;
  /** Answers 304 where the request's condition allows it. Default true. */
  readonly conditional?: boolean;
}

/** A file as a plain server has it: ETag, conditions, single ranges. */
export function serveFile(content: Uint8Array, options: FileOptions = {}) {
  const { headers = {}, conditional = true } = options;
  const etag = "etag" in options ? options.etag : `"${createHash("md5").update(content).digest("hex")}"`;
  const lastModified = headers["Last-Modified"];
  return (request: IncomingMessage, response: ServerResponse): void => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (etag !== undefined) response.setHeader("ETag", etag);
    const condition = request.headers["if-none-match"] ?? request.headers["if-modified-since"];
    if (conditional && condition !== undefined && (condition === etag || condition === lastModified)) {
      response.statusCode = 304;
      response.end();
      return;
    }
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const guard = request.headers["if-range"];
    let body = content;
    if (range && (guard === undefined || guard === etag)) {
      const start = Number(range[1]);
      const end = range[2] === "" ? content.length : Math.min(Number(range[2]) + 1, content.length);
      if (start >= content.length) {
        response.writeHead(416, { "Content-Range": `bytes */${content.length}`, "Content-Length": 0 }).end();
        return;
      }
      response.statusCode = 206;
      response.setHeader("Content-Range", `bytes ${start}-${end - 1}/${content.length}`);
      body = content.subarray(start, end);
    }
    response.setHeader("Content-Type", response.getHeader("Content-Type") ?? "application/octet-stream");
    response.setHeader("Content-Length", body.length);
    response.end(request.method === "HEAD" ? undefined : body);
  };
}
