/** What the daemon does for its cache now and then, since nobody asks for it: drop what is too old. */
import type { BlockStore } from "@branchcache/cache-store";
import { type Clock, errorMessage, type Observer } from "@branchcache/runtime";

export interface Housekeeping {
  stop(): void;
}

/** At once, and every hour from then on. */
export function startHousekeeping(
  blocks: Pick<BlockStore, "expire">,
  clock: Clock,
  observer: Observer,
): Housekeeping {
  let cancel = () => {};
  let stopped = false;
  const round = async () => {
    try {
      await blocks.expire();
    } catch (error) {
      observer.event("warn", "cache.save_failed", { error: errorMessage(error) });
    }
    if (!stopped) cancel = clock.after(EVERY_MS, () => void round());
  };
  void round();
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}

const EVERY_MS = 3_600_000;
