import type { CipherId } from "@branchcache/content-info";
import { type Decoded, type Layout, oneOf, struct, u16be, u32be } from "@branchcache/runtime";

/** A protocol version; the minor word comes first on the wire. [MS-PCCRR] 2.2.3 */
export const protocolVersion = struct("ProtocolVersion", { minor: u16be, major: u16be });
/** `major` and `minor`, 16 bits each: 1.0, or 2.0 for the segment list messages. [MS-PCCRR] 1.7, 2.2.3 */
export type ProtocolVersion = Decoded<typeof protocolVersion>;

/** CryptoAlgoId. [MS-PCCRR] 2.2.3 */
const cipherId: Layout<CipherId> = oneOf(u32be, [0, 1, 2, 3]);

/** In front of every message; 16 bytes. [MS-PCCRR] 2.2.3 */
export const messageHeader = struct("MESSAGE_HEADER", {
  version: protocolVersion,
  type: u32be,
  /** MsgSize: header and body, without the Size in front of a response. */
  sizeBytes: u32be,
  /** In a request the cipher that the client would like, in a response the one the server used. */
  cipher: cipherId,
});
/** A decoded MESSAGE_HEADER: version, message type 0 to 7, size in bytes, cipher. [MS-PCCRR] 2.2.3 */
export type MessageHeader = Decoded<typeof messageHeader>;
