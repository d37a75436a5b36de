import type { Clock } from "@branchcache/runtime";

/** The upload limits of the target. Its checks take all slots for a while: not for a server that others need. */
export interface UploadSettings {
  /** How many clients it serves at once. */
  readonly limit: number;
  /** Its Upload Timer in milliseconds: how long it serves one client. Default 15,000. [MS-PCCRR] 3.2.2 */
  readonly timerMs?: number;
  readonly clock: Clock;
}
