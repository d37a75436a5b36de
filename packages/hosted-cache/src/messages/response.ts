import { constant, decode, encode, oneOf, struct, u8, u32be } from "@branchcache/runtime";

/** `ok`: nothing more is needed. `interested`: the block hashes are, which answers an INITIAL_OFFER only. */
export type OfferResponse = "ok" | "interested";

/** TRANSPORT_RESPONSE_HEADER and RESPONSE_CODE. [MS-PCHC] 2.2.2 */
const responseMessage = struct("RESPONSE_MESSAGE", {
  sizeBytes: constant(u32be, 1),
  code: oneOf(u8, [0, 1]),
});

/** A new array of 5 bytes. */
export function encodeResponse(response: OfferResponse): Uint8Array {
  return encode(responseMessage, { sizeBytes: 1, code: response === "ok" ? 0 : 1 });
}

/** Throws `DecodeError`. */
export function parseResponse(bytes: Uint8Array): OfferResponse {
  return decode(responseMessage, bytes).code === 0 ? "ok" : "interested";
}
