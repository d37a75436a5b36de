/** One HTTP exchange with a target, whatever comes of it. */
import { type IncomingHttpHeaders, request } from "node:http";
import { type BranchCacheError, type Endpoint, errorMessage } from "@branchcache/runtime";

export interface HttpSent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A body goes with its Content-Length, unless the headers say otherwise. */
  readonly body?: Uint8Array;
  /** Milliseconds until an answer has to be complete. Default 5,000. */
  readonly timeoutMs?: number;
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

/** More than any message of the protocols; a longer answer is cut off and told. */
const MAX_BODY_BYTES = 1024 * 1024;

/** A connection of its own for each exchange. Never rejects. */
export function exchange(target: Endpoint, sent: HttpSent): Promise<HttpSeen> {
  const { method = "POST", path, headers = {}, body, timeoutMs = 5_000 } = sent;
  return new Promise((resolve) => {
    const outgoing = request({
      host: target.address,
      port: target.port,
      method,
      path,
      agent: false,
      headers: { ...(body && { "Content-Length": String(body.length) }), ...headers },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const nothing = (reason: string) => {
      outgoing.destroy();
      resolve({ kind: "nothing", reason });
    };
    outgoing.on("error", (error: BranchCacheError | Error) => nothing(errorMessage(error)));
    outgoing.on("response", (response) => {
      const parts: Buffer[] = [];
      let gathered = 0;
      response.on("data", (part: Buffer) => {
        gathered += part.length;
        if (gathered > MAX_BODY_BYTES) nothing(`an answer of more than ${MAX_BODY_BYTES} bytes`);
        else parts.push(part);
      });
      response.on("error", (error) => nothing(errorMessage(error)));
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

/** For a report. */
export function seenText(seen: HttpSeen): string {
  if (seen.kind === "nothing") return seen.reason;
  return `HTTP ${seen.status}, ${seen.body.length} bytes${seen.body.length > 0 ? `: ${hexText(seen.body)}` : ""}`;
}

/** At most 48 bytes as hexadecimal digits. */
export function hexText(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, 48)).toString("hex");
  return bytes.length > 48 ? `${shown}… (${bytes.length} bytes)` : shown;
}
