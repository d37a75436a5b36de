import { type Decoded, struct } from "@branchcache/runtime";
import { protocolVersion } from "./header.ts";
import { messageKind } from "./message.ts";

/** The responder's own range of versions; also the answer to a request of an unknown version. [MS-PCCRR] 2.2.5.1 */
export const negoResponse = messageKind({
  name: "MSG_NEGO_RESP",
  type: 1,
  direction: "response",
  major: 1,
  body: struct("MSG_NEGO_RESP", { min: protocolVersion, max: protocolVersion }),
});
export type NegoResponse = Decoded<typeof negoResponse.body>;
