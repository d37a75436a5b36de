/** What a request is for, as far as a gateway has to know. */
import type { IncomingMessage } from "node:http";
import { hasBody } from "../refuse.ts";

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
  return path.startsWith("/") && /^[\w.:[\]-]+$/.test(host)
    ? { method, host, path, hasBody: hasBody(request) }
    : undefined;
}
