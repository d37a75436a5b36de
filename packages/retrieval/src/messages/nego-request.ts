import { struct } from "@branchcache/runtime";
import { protocolVersion } from "./header.ts";
import { type MessageBody, messageKind } from "./message.ts";

/** "Which versions do you speak?" [MS-PCCRR] 2.2.4.1 */
export const negoRequest = messageKind({
  name: "MSG_NEGO_REQ",
  type: 0,
  direction: "request",
  major: 1,
  body: struct("MSG_NEGO_REQ", {
    /** MinSupportedProtocolVersion and MaxSupportedProtocolVersion of the sender. */
    min: protocolVersion,
    max: protocolVersion,
  }),
});
/** Body of a MSG_NEGO_REQ: the sender's range of versions. [MS-PCCRR] 2.2.4.1 */
export type NegoRequest = MessageBody<typeof negoRequest>;
