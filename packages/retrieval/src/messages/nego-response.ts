import { struct } from "@branchcache/runtime";
import { protocolVersion } from "./header.ts";
import { type MessageBody, messageKind } from "./message.ts";

/** The responder's own range of versions; also the answer to a request of an unknown version. [MS-PCCRR] 2.2.5.1 */
export const negoResponse = messageKind({
  name: "MSG_NEGO_RESP",
  type: 1,
  direction: "response",
  major: 1,
  body: struct("MSG_NEGO_RESP", { min: protocolVersion, max: protocolVersion }),
});
/** Body of a MSG_NEGO_RESP: the responder's range of versions. [MS-PCCRR] 2.2.5.1 */
export type NegoResponse = MessageBody<typeof negoResponse>;
