/** A content server that notes every request, and answers honestly unless a scene says otherwise. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Endpoint } from "@branchcache/runtime";
import type { ContentVersion, StageContent } from "./content.ts";

/** A request as it came at the origin, without its body. */
export interface OriginRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly httpVersion: string;
  /** It came by TLS. */
  readonly secure: boolean;
  readonly from: Endpoint;
  /** Names in lower case; a field that came several times is joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A complete answer of the origin. */
export interface OriginReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent with Content-Length, unless the headers name a Transfer-Encoding. */
  readonly body: Uint8Array;
}

/** Undefined: no such path. */
type OriginHandler = (request: OriginRequest) => OriginReply | undefined;

/** A certificate and its private key, both as PEM text. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Origin extends AsyncDisposable {
  readonly endpoint: Endpoint;
  /** For connections from now on; those that are open are closed. Throws without TLS. */
  useCertificate(certificate: Certificate): void;
  /** Connections that ended with a reset, so far. */
  readonly resets: number;
}

export interface OriginOptions {
  readonly listen: Endpoint;
  /** Serve by TLS. */
  readonly tls?: Certificate;
  readonly answer: OriginHandler;
  /** POST requests with their bodies; anything else than GET and HEAD is refused without it. */
  post?(request: OriginRequest, body: Uint8Array): Promise<OriginReply | undefined>;
}

/** More than any offer has. */
const MAX_POST_BYTES = 1024 * 1024;

/** Port 0 picks a free one. */
export async function openOrigin(options: OriginOptions): Promise<Origin> {
  let resets = 0;
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const seen = readRequest(request);
    const send = (reply: OriginReply | undefined) => sendReply(response, reply, seen.method === "HEAD");
    if (request.method === "GET" || request.method === "HEAD") {
      send(options.answer(seen));
      return;
    }
    const parts: Uint8Array[] = [];
    let gathered = 0;
    request.on("data", (part: Uint8Array) => {
      gathered += part.length;
      if (gathered > MAX_POST_BYTES) request.destroy();
      else parts.push(part);
    });
    request.on("end", () => {
      const body = new Uint8Array(Buffer.concat(parts));
      const answer = options.post?.(seen, body) ?? Promise.resolve(undefined);
      answer.then(send, () => request.destroy());
    });
  };
  const secure = options.tls && createTlsServer(options.tls, take);
  const server = secure ?? createServer(take);
  server.on("connection", (socket) =>
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET") resets++;
    }),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.listen.address, port: options.listen.port }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: { address: options.listen.address, port },
    get resets() {
      return resets;
    },
    useCertificate(certificate) {
      if (!secure) throw new Error("a certificate without TLS");
      secure.setSecureContext(certificate);
      secure.closeAllConnections();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function readRequest(request: IncomingMessage): OriginRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  const { remoteAddress: address = "", remotePort: port = 0 } = request.socket;
  return {
    from: { address, port },
    method: request.method ?? "",
    path: request.url ?? "",
    httpVersion: request.httpVersion,
    secure: "encrypted" in request.socket,
    headers,
  };
}

function sendReply(response: ServerResponse, reply: OriginReply | undefined, headOnly: boolean): void {
  const { status, headers, body } = reply ?? NOT_FOUND;
  const chunked = Object.keys(headers).some((name) => name.toLowerCase() === "transfer-encoding");
  response.writeHead(status, { ...headers, ...(!chunked && { "Content-Length": String(body.length) }) });
  response.end(headOnly ? undefined : body);
}

const NOT_FOUND: OriginReply = { status: 404, headers: {}, body: new Uint8Array(0) };

/** The answer of a content server that has hashed everything already. `version` is the highest that it knows. */
export function honestReply(
  request: OriginRequest,
  content: StageContent,
  version: ContentVersion,
): OriginReply {
  return offersPeerdist(request) && !isMissingDataRequest(request)
    ? codedReply(request, content, version)
    : plainReply(request, content);
}

/** Content Information of the highest version that both know. [MS-PCCRTP] 3.2.5.1 */
export function codedReply(
  request: OriginRequest,
  content: StageContent,
  version: ContentVersion,
): OriginReply {
  const { MaxContentInformation: max } = parameters(request.headers["x-p2p-peerdistex"]);
  const { Version: coding = "1.0" } = parameters(request.headers["x-p2p-peerdist"]);
  const body = content.information[version === 2 && max === "2.0" ? 2 : 1];
  return {
    status: 200,
    headers: {
      ...commonHeaders(content),
      "Content-Encoding": "peerdist",
      "X-P2P-PeerDist": `Version=${coding}, ContentLength=${content.bytes.length}`,
    },
    body,
  };
}

/** The content without the coding: all of it, or the one range that was asked for, by the rules of If-Range and If-Match. */
export function plainReply(request: OriginRequest, content: StageContent): OriginReply {
  const range = readRange(request);
  const guard = request.headers["if-range"];
  const total = content.bytes.length;
  if (range === undefined || (guard !== undefined && guard !== content.etag)) {
    return { status: 200, headers: commonHeaders(content), body: content.bytes };
  }
  const match = request.headers["if-match"];
  if (match !== undefined && match !== content.etag) {
    return { status: 412, headers: commonHeaders(content), body: new Uint8Array(0) };
  }
  const end = Math.min(range.endBytes, total);
  return {
    status: 206,
    headers: {
      ...commonHeaders(content),
      "Content-Range": `bytes ${range.startBytes}-${end - 1}/${total}`,
    },
    body: content.bytes.subarray(range.startBytes, end),
  };
}

const commonHeaders = (content: StageContent) => ({
  "Content-Type": "application/octet-stream",
  ETag: content.etag,
  Vary: "Accept-Encoding, X-P2P-PeerDist, X-P2P-PeerDistEx",
});

/** The one range of bytes that is asked for; undefined where there is none, or several. */
export function readRange({
  headers,
}: OriginRequest): { readonly startBytes: number; readonly endBytes: number } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(headers["range"] ?? "");
  if (!match) return undefined;
  const endBytes = match[2] ? Number(match[2]) + 1 : Number.MAX_SAFE_INTEGER;
  return { startBytes: Number(match[1]), endBytes };
}

/** Names of the content codings that are listed, in lower case, without their weights. */
export function codings({ headers }: OriginRequest): readonly string[] {
  return (headers["accept-encoding"] ?? "")
    .split(",")
    .filter((item) => !/;\s*q=0(\.0*)?\s*$/.test(item))
    .map((item) => (item.split(";")[0] ?? "").trim().toLowerCase())
    .filter((name) => name !== "");
}

export function offersPeerdist(request: OriginRequest): boolean {
  return codings(request).includes("peerdist");
}

export function isMissingDataRequest({ headers }: OriginRequest): boolean {
  return parameters(headers["x-p2p-peerdist"])["MissingDataRequest"] === "true";
}

export function isHashRequest({ headers }: OriginRequest): boolean {
  return parameters(headers["x-p2p-peerdistex"])["HashRequest"] === "true";
}

/** Items `name=value`, names and values as they are written; only spaces round commas are dropped. [MS-PCCRTP] 2.2 */
export function parameters(text: string | undefined): Readonly<Record<string, string>> {
  const items = (text ?? "").split(",").map((item) => item.trim().split("="));
  return Object.fromEntries(items.map(([name = "", value = ""]) => [name, value]));
}
