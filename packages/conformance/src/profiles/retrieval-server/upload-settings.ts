import type { Clock } from "@branchcache/runtime";

/** What the target is set to. Its slots are all taken for a while: not for a server that others need. */
export interface UploadSettings {
  /** Clients at once. */
  readonly limit: number;
  /** Default 15,000. [MS-PCCRR] 3.2.2 */
  readonly timerMs?: number;
  readonly clock: Clock;
}
