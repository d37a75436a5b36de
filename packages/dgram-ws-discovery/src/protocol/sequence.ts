/** Application sequencing. WSD05 Appendix I. */
import { MAX_REMEMBERED_SOURCES } from "../limits.ts";
import type { AppSequence } from "../message/types.ts";
import { RecentMap } from "./recent-map.ts";

/** Numbers the messages of one run; repeats of a message keep its number. */
export class SequenceCounter {
  readonly instanceId: number;
  #messageNumber = 0;

  /** `instanceId`: larger than that of any earlier run; seconds since 1970 are customary. */
  constructor(instanceId: number) {
    this.instanceId = instanceId;
  }

  next(): AppSequence {
    this.#messageNumber++;
    return { instanceId: this.instanceId, messageNumber: this.#messageNumber };
  }
}

export type Order = "new" | "older" | "restarted";

/** The newest message seen of each endpoint and sequence. */
export class SequenceOrder {
  readonly #newest = new RecentMap<AppSequence>(MAX_REMEMBERED_SOURCES);

  /**
   * `older` must be discarded; `restarted` means that what was known of the endpoint's run is void.
   * Without a sequence no order is known, and the message is `new`.
   */
  judge(address: string, sequence: AppSequence | undefined): Order {
    if (!sequence) return "new";
    const key = `${address} ${sequence.sequenceId ?? ""}`;
    const newest = this.#newest.get(key);
    if (newest && sequence.instanceId < newest.instanceId) return "older";
    const restarted = newest !== undefined && sequence.instanceId > newest.instanceId;
    if (newest && !restarted && sequence.messageNumber <= newest.messageNumber) return "older";
    this.#newest.set(key, sequence);
    return restarted ? "restarted" : "new";
  }
}
