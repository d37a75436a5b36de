/** Reading the head of a request in the shape that BranchCache clients send, and no other. RFC 9112 */
import { HEADER_BYTES, MAX_REQUEST_BYTES, RETRIEVAL_PATH } from "../limits.ts";

/** Longer heads are left to `node:http`. */
export const MAX_FAST_HEAD_BYTES = 2_048;

const REQUEST_LINE = `POST ${RETRIEVAL_PATH} HTTP/1.1`;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?[\t ]*$/;
const HOST = /^[0-9A-Za-z.\-_:[\]%]+$/;
const DIGITS = /^[0-9]{1,6}$/;

/** Whether these first bytes of a request may still become one that `fastBodyBytes` knows. */
export function mayBeFast(bytes: Buffer): boolean {
  if (bytes.length >= MAX_FAST_HEAD_BYTES) return false;
  const length = Math.min(bytes.length, REQUEST_LINE.length);
  return bytes.toString("latin1", 0, length) === REQUEST_LINE.slice(0, length);
}

/**
 * The length of the body of a POST to the retrieval path whose head has no field that asks for anything special;
 * undefined for every other head, right or wrong. `head`: without the empty line.
 */
export function fastBodyBytes(head: string): number | undefined {
  const [line, ...fields] = head.split("\r\n");
  if (line !== REQUEST_LINE) return undefined;
  let bodyBytes: number | undefined;
  let hasHost = false;
  for (const each of fields) {
    const field = FIELD.exec(each);
    if (!field) return undefined;
    const value = field[2] ?? "";
    switch (field[1]?.toLowerCase()) {
      case "content-length":
        if (bodyBytes !== undefined || !DIGITS.test(value)) return undefined;
        bodyBytes = Number(value);
        break;
      case "host":
        if (hasHost || !HOST.test(value)) return undefined;
        hasHost = true;
        break;
      case "connection":
        if (value.toLowerCase() !== "keep-alive") return undefined;
        break;
      case "expect":
      case "te":
      case "trailer":
      case "transfer-encoding":
      case "upgrade":
        return undefined;
    }
  }
  if (!hasHost || bodyBytes === undefined) return undefined;
  return bodyBytes >= HEADER_BYTES && bodyBytes <= MAX_REQUEST_BYTES ? bodyBytes : undefined;
}
