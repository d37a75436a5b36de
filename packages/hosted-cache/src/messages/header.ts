import { bytes, type Decoded, type Layout, mapped, oneOf, struct, u8, u16be } from "@branchcache/runtime";

/** The version that a message belongs to; the transport implies it. [MS-PCHC] 1.7 */
export type OfferVersion = 1 | 2;

/** Values of Type: the first two belong to version 1.0, the last to 2.0. [MS-PCHC] 2.2.1.1 */
export const MESSAGE_TYPES = { initialOffer: 1, segmentInfo: 2, batchedOffer: 3 } as const;

/** Bytes of any value; zeros when sent. */
const padding = (length: number): Layout<undefined> =>
  mapped(
    bytes(length),
    () => undefined,
    () => new Uint8Array(length),
  );

/** MESSAGE_HEADER and CONNECTION_INFORMATION; 16 bytes. Every number is big-endian. [MS-PCHC] 2.2.1.1, 2.2.1.2 */
export const requestHeader = struct("REQUEST_MESSAGE", {
  minorVersion: u8,
  majorVersion: oneOf(u8, [1, 2]),
  type: oneOf(u16be, [1, 2, 3]),
  padding1: padding(4),
  /** Where the client serves blocks to the hosted cache. */
  port: u16be,
  padding2: padding(6),
});
/** A decoded MESSAGE_HEADER and CONNECTION_INFORMATION. [MS-PCHC] 2.2.1.1, 2.2.1.2 */
export type RequestHeader = Decoded<typeof requestHeader>;

/** The header as it is sent. */
export function headerOf(
  majorVersion: OfferVersion,
  type: RequestHeader["type"],
  port: number,
): RequestHeader {
  return { minorVersion: 0, majorVersion, type, padding1: undefined, port, padding2: undefined };
}
