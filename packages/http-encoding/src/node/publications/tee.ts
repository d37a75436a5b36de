/** Content on its way to a client, read by a second reader who may slow it down, but never hold it up. */
import type { Clock } from "@branchcache/runtime";

/**
 * The copy of a body under way: its writer pushes what the client gets, its reader, who hashes, iterates. A slow
 * reader may make the writer pause, within bounds, and is dropped beyond them.
 */
export interface Tee extends AsyncIterable<Uint8Array> {
  /** Takes the next piece without a copy. False: no more until there is room. */
  push(bytes: Uint8Array): boolean;
  /** No more should come. Not so once the reader has left or was dropped. */
  readonly isFull: boolean;
  /** Told when it is full no longer. */
  whenRoom(listener: () => void): void;
  /** The body is complete. If it is not as long as announced, the reader's loop rejects. */
  end(): void;
  /** Ends it early: the reader's loop rejects. Nothing afterwards counts. */
  drop(reason: string): void;
}

export interface TeeOptions {
  /** What may wait for the reader: full above it, until half of it is taken. */
  readonly limitBytes?: number;
  /** Anything else is no content to be hashed. */
  readonly lengthBytes: number;
  readonly clock: Clock;
  /**
   * A reader who takes longer for that half is dropped, and so is, at once, who is further behind than twice the
   * limit because nobody waited for him.
   */
  readonly slowReaderMs: number;
}

/** Content that waits for the hashing beside a download. */
const LIMIT_BYTES = 4 * 1_048_576;

export function createTee({ limitBytes = LIMIT_BYTES, lengthBytes, clock, slowReaderMs }: TeeOptions): Tee {
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let passedBytes = 0;
  let state: "open" | "ended" | Error = "open";
  let isFull = false;
  let cancel = (): void => {};
  let onRoom = (): void => {};
  let wake = (): void => {};

  const makeRoom = (): void => {
    if (!isFull) return;
    isFull = false;
    cancel();
    onRoom();
  };

  const drop = (reason: string): void => {
    if (state !== "open") return;
    state = new Error(reason);
    queue.length = 0;
    wake();
    makeRoom();
  };

  const dropSlow = (): void => drop("hashing is slower than the client");

  return {
    get isFull() {
      return isFull;
    },
    push(bytes) {
      if (state !== "open") return true;
      passedBytes += bytes.length;
      queuedBytes += bytes.length;
      queue.push(bytes);
      wake();
      if (queuedBytes > 2 * limitBytes) dropSlow();
      else if (queuedBytes > limitBytes && !isFull) {
        isFull = true;
        cancel = clock.after(slowReaderMs, dropSlow);
      }
      return !isFull;
    },
    whenRoom(listener) {
      onRoom = listener;
    },
    end() {
      if (passedBytes !== lengthBytes) drop("the content was not as long as announced");
      if (state === "open") state = "ended";
      // All of it is here: nobody waits for the reader any more.
      makeRoom();
      wake();
    },
    drop,
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          const bytes = queue.shift();
          if (bytes !== undefined) {
            queuedBytes -= bytes.length;
            if (queuedBytes <= limitBytes / 2) makeRoom();
            yield bytes;
          } else if (state === "ended") {
            return;
          } else if (state instanceof Error) {
            throw state;
          } else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        drop("the reader has left");
      }
    },
  };
}
