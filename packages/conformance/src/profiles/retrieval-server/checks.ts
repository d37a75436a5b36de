/** What a retrieval server has to do, as it shows on the wire. [MS-PCCRR] 3.2 */
import type { ServerCheck } from "./asking.ts";
import { blockListChecks } from "./block-lists.ts";
import { blockChecks } from "./blocks.ts";
import { encryptionChecks } from "./encryption.ts";
import { framingChecks } from "./framing.ts";
import { malformedChecks } from "./malformed.ts";
import { segmentListChecks } from "./segment-lists.ts";
import { uploadChecks } from "./uploads.ts";

export const retrievalServerChecks: readonly ServerCheck[] = [
  ...framingChecks,
  ...blockChecks,
  ...encryptionChecks,
  ...blockListChecks,
  ...segmentListChecks,
  ...malformedChecks,
  ...uploadChecks,
];
