/** Offers over `node:http` and `node:https`: one connection, kept open. [MS-PCHC] 2.1 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { SecureVersion } from "node:tls";
import { BranchCacheError, errorCode, errorMessage } from "@branchcache/runtime";
import type { OfferTransport } from "../client/offer-client.ts";
import type { OfferVersion } from "../messages/header.ts";

/** Where the hosted cache is, and how both sides prove who they are. */
export interface OfferTransportOptions {
  /** 1 speaks HTTPS, 2 HTTP. */
  readonly version: OfferVersion;
  /** Name or address; for version 1 the name in the cache's certificate. */
  readonly host: string;
  /** Usually 443 for version 1, 80 for version 2. */
  readonly port: number;
  /** PEM of the certificates to trust instead of the system's. Version 1 only. */
  readonly ca?: string | Uint8Array;
  /** PEM of this client's certificate and key, for caches that ask for one. Version 1 only. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** Default that of Node.js. */
  readonly minTlsVersion?: SecureVersion;
}

/** Anything longer is no response message, nor the page that comes with a 401. */
const MAX_ANSWER_BYTES = 65_536;

/**
 * A transport over one kept-alive connection, made when first needed. Rejects with `BC_HTTP_CONNECT`,
 * `BC_HTTP_MALFORMED`, `BC_HTTP_TOO_LARGE` (an answer over 64 KiB) or `BC_TLS_CERTIFICATE`. Follows no redirects
 * and uses no proxy.
 */
export function nodeOfferTransport(options: OfferTransportOptions): OfferTransport {
  const { ca, cert, host, key, minTlsVersion, port, version } = options;
  const agent =
    version === 2
      ? new HttpAgent({ keepAlive: true, maxSockets: 1 })
      : new HttpsAgent({
          keepAlive: true,
          maxSockets: 1,
          ...(ca === undefined ? {} : { ca: pem(ca) }),
          ...(cert === undefined ? {} : { cert: pem(cert) }),
          ...(key === undefined ? {} : { key: pem(key) }),
          ...(minTlsVersion === undefined ? {} : { minVersion: minTlsVersion }),
        });
  const request = version === 2 ? httpRequest : httpsRequest;
  return {
    post: (path, body, { authorization, signal }) =>
      new Promise((resolve, reject) => {
        const headers = {
          "Content-Type": "application/octet-stream",
          "Content-Length": body.length,
          ...(authorization === undefined ? {} : { Authorization: authorization }),
        };
        let sent: ClientRequest;
        const fail = (error: unknown): void => {
          sent?.destroy();
          reject(signal.aborted ? signal.reason : asOurs(error, `${host}:${port}`));
        };
        const onAnswer = (response: IncomingMessage): void => {
          const chunks: Uint8Array[] = [];
          let lengthBytes = 0;
          response.on("data", (chunk: Uint8Array) => {
            lengthBytes += chunk.length;
            if (lengthBytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
            else fail(new BranchCacheError("BC_HTTP_TOO_LARGE", `a long answer from ${host}:${port}`));
          });
          response.once("error", fail);
          response.once("end", () =>
            resolve({
              status: response.statusCode ?? 0,
              challenge: response.headers["www-authenticate"],
              body: Buffer.concat(chunks),
            }),
          );
        };
        sent = request({ host, port, path, method: "POST", agent, headers, signal }, onAnswer);
        sent.once("error", fail);
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}

const pem = (text: string | Uint8Array): string | Buffer =>
  typeof text === "string" ? text : Buffer.from(text);

const CERTIFICATE_CODES = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/;

function asOurs(error: unknown, where: string): BranchCacheError {
  if (error instanceof BranchCacheError) return error;
  const code = errorCode(error) ?? "";
  const message = `${where}: ${errorMessage(error)}`;
  if (CERTIFICATE_CODES.test(code))
    return new BranchCacheError("BC_TLS_CERTIFICATE", message, { cause: error });
  if (code.startsWith("HPE_")) return new BranchCacheError("BC_HTTP_MALFORMED", message, { cause: error });
  return new BranchCacheError("BC_HTTP_CONNECT", message, { cause: error });
}
