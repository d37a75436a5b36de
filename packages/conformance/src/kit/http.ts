/** One HTTP exchange with a target: its answer, or why there was none. */
import { type IncomingHttpHeaders, request as plainRequest, type RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";
import { type Endpoint, errorMessage } from "@branchcache/runtime";

export interface HttpSent {
  /** Default POST. */
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Goes with its Content-Length, unless the headers name a Transfer-Encoding. */
  readonly body?: Uint8Array;
  /** Milliseconds until an answer has to be complete. Default 5,000. */
  readonly timeoutMs?: number;
  /** A longer answer counts as none. Default 1 MiB. */
  readonly maxBodyBytes?: number;
}

export type HttpSeen =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: Uint8Array;
    }
  /** The connection was closed or reset, or nothing came in time. */
  | { readonly kind: "nothing"; readonly reason: string };

/** A server, by TLS where `tls` is there: its certificate is taken as it is unless `ca` is given. */
export interface HttpServerAddress extends Endpoint {
  /** `ca`: PEM; `serverName`: for SNI. */
  readonly tls?: { readonly ca?: string; readonly serverName?: string };
}

/** A connection of its own for each exchange. Never rejects. */
export function exchange(target: HttpServerAddress, sent: HttpSent): Promise<HttpSeen> {
  const { method = "POST", path, headers = {}, body, timeoutMs = 5_000, maxBodyBytes = 1024 * 1024 } = sent;
  const withLength = body !== undefined && headers["Transfer-Encoding"] === undefined;
  const signal = AbortSignal.timeout(timeoutMs);
  const options: RequestOptions = {
    host: target.address,
    port: target.port,
    method,
    path,
    agent: false,
    headers: { ...(withLength && { "Content-Length": String(body.length) }), ...headers },
    signal,
  };
  return new Promise((resolve) => {
    const outgoing = target.tls
      ? tlsRequest({
          ...options,
          rejectUnauthorized: target.tls.ca !== undefined,
          ...(target.tls.ca !== undefined && { ca: target.tls.ca }),
          ...(target.tls.serverName !== undefined && { servername: target.tls.serverName }),
        })
      : plainRequest(options);
    const nothing = (reason: string) => {
      outgoing.destroy();
      resolve({ kind: "nothing", reason });
    };
    const fault = (error: unknown) =>
      nothing(signal.aborted ? `no answer within ${timeoutMs} ms` : errorMessage(error));
    outgoing.on("error", fault);
    outgoing.on("response", (response) => {
      const parts: Buffer[] = [];
      let gathered = 0;
      response.on("data", (part: Buffer) => {
        gathered += part.length;
        if (gathered > maxBodyBytes) nothing(`an answer of more than ${maxBodyBytes} bytes`);
        else parts.push(part);
      });
      response.on("error", fault);
      response.on("end", () =>
        resolve({
          kind: "answer",
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: new Uint8Array(Buffer.concat(parts)),
        }),
      );
    });
    outgoing.end(body);
  });
}

/** An answer as reports show it: status, length, and the first 48 bytes. */
export function seenText(seen: HttpSeen): string {
  if (seen.kind === "nothing") return seen.reason;
  return `HTTP ${seen.status}, ${seen.body.length} bytes${seen.body.length > 0 ? `: ${hexText(seen.body)}` : ""}`;
}

/** At most 48 bytes as hexadecimal digits. */
export function hexText(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, 48)).toString("hex");
  return bytes.length > 48 ? `${shown}… (${bytes.length} bytes)` : shown;
}
