/** What a request is for, as far as a gateway has to know. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";

export interface Target {
  readonly method: string;
  /** As the client sees the gateway. */
  readonly host: string;
  /** Path and query, as they stand in the request. */
  readonly path: string;
  readonly hasBody: boolean;
}

/** Undefined for what cannot be passed on: no host, or neither a path nor an absolute URL. */
export function targetOf(request: IncomingMessage): Target | undefined {
  const { method = "", url = "", headers } = request;
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  let host = headers.host ?? "";
  let path = url;
  // The absolute form overrides Host. RFC 9112 3.2.2
  const absolute = url.startsWith("/") ? null : /^https?:\/\/([^/?#]+)(.*)$/is.exec(url);
  if (absolute) {
    host = absolute[1] ?? "";
    path = absolute[2]?.startsWith("/") ? absolute[2] : `/${absolute[2] ?? ""}`;
  }
  const nameless = request.httpVersion === "1.0" && host === "";
  if (nameless) host = `${request.socket.localAddress ?? ""}:${request.socket.localPort ?? ""}`;
  return path.startsWith("/") && /^[\w.:[\]-]+$/.test(host) ? { method, host, path, hasBody } : undefined;
}

/** An answer of the gateway itself. */
export function refuse(response: ServerResponse, status: number): void {
  const text = `${STATUS_CODES[status] ?? status}\n`;
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    // What is left of the request's body is not worth reading.
    ...(response.req.complete ? {} : { Connection: "close" }),
  });
  response.end(response.req.method === "HEAD" ? undefined : text);
}
