/** Content on its way to a client, read by a second reader who must never hold it up. */

export interface Tee extends AsyncIterable<Uint8Array> {
  /** Takes the next piece without a copy; drops the reader who is too far behind. */
  push(bytes: Uint8Array): void;
  end(): void;
  /** Ends it early: the reader's loop rejects. Nothing afterwards counts. */
  drop(reason: string): void;
}

/** Content that waits for the hashing beside a download. */
export const TEE_BYTES = 4 * 1_048_576;

export interface TeeOptions {
  /** What may wait for the reader. */
  readonly limitBytes: number;
  /** Anything else is no content to be hashed. */
  readonly lengthBytes: number;
}

export function createTee({ limitBytes, lengthBytes }: TeeOptions): Tee {
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let passedBytes = 0;
  let state: "open" | "ended" | Error = "open";
  let wake = (): void => {};

  const drop = (reason: string): void => {
    if (state !== "open") return;
    state = new Error(reason);
    queue.length = 0;
    wake();
  };

  return {
    push(bytes) {
      if (state !== "open") return;
      passedBytes += bytes.length;
      queuedBytes += bytes.length;
      queue.push(bytes);
      if (queuedBytes > limitBytes) drop("hashing is slower than the client");
      else wake();
    },
    end() {
      if (passedBytes !== lengthBytes) drop("the content was not as long as announced");
      if (state === "open") state = "ended";
      wake();
    },
    drop,
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          const bytes = queue.shift();
          if (bytes !== undefined) {
            queuedBytes -= bytes.length;
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
