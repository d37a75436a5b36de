/** Reading the head of an HTTP response, as little of HTTP as peers need and nothing lenient. RFC 9112 */
import { BranchCacheError } from "@branchcache/runtime";

export interface ResponseHead {
  readonly status: number;
  readonly contentLengthBytes: number;
  /** Whether the server will answer further requests on this connection. */
  readonly keepAlive: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const FORBIDDEN_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;
const DIGITS = /^[0-9]{1,15}$/;

/**
 * Reads status line and fields, without the empty line. Chunked bodies, content codings and bodies of
 * unknown length are refused. Throws `BC_HTTP_MALFORMED`.
 */
export function parseResponseHead(text: string): ResponseHead {
  const lines = text.split("\r\n");
  const statusLine = STATUS_LINE.exec(lines[0] ?? "");
  if (!statusLine) return malformed("no HTTP/1 status line");
  const status = Number(statusLine[2]);
  let contentLengthBytes: number | undefined;
  let keepAlive = statusLine[1] === "1";
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (colon < 1 || !FIELD_NAME.test(name)) return malformed("a broken header field");
    const value = line.slice(colon + 1).trim();
    if (FORBIDDEN_IN_VALUE.test(value)) return malformed(`a control character in ${name}`);
    switch (name.toLowerCase()) {
      case "content-length":
        if (!DIGITS.test(value)) return malformed("a Content-Length that is no number");
        if (contentLengthBytes !== undefined && contentLengthBytes !== Number(value)) {
          return malformed("two different Content-Length fields");
        }
        contentLengthBytes = Number(value);
        break;
      case "transfer-encoding":
        return malformed("a transfer coding");
      case "content-encoding":
        if (value.toLowerCase() !== "identity") return malformed("a content coding");
        break;
      case "connection":
        if (/(?:^|,)\s*close\s*(?:,|$)/i.test(value)) keepAlive = false;
        break;
    }
  }
  if (status < 200 || status === 204 || status === 304) contentLengthBytes = 0;
  if (contentLengthBytes === undefined) return malformed("no Content-Length");
  return { status, contentLengthBytes, keepAlive };
}

function malformed(what: string): never {
  throw new BranchCacheError("BC_HTTP_MALFORMED", `the server's answer has ${what}`);
}
