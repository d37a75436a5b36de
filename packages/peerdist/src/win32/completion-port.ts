/** An I/O completion port: one queue for the completions of any number of handles, and for packets posted by the program. */
import type { Overlapped } from "./overlapped.ts";

/** The completion of one operation, as `GetQueuedCompletionStatus` gives it. */
export interface CompletionPacket {
  /** False where the operation failed; `error` says why. */
  readonly ok: boolean;
  /** The completion key that was given together with the port. */
  readonly key: unknown;
  /** Undefined in a packet that was posted without one. */
  readonly overlapped: Overlapped | undefined;
  /** Or the length of the missing range, for a read that found none. */
  readonly bytesTransferred: number;
  /** 0 on success. */
  readonly error: number;
}

/** Takes the completions of every handle that it was given to, in the order in which they end. */
export class CompletionPort {
  readonly #packets: CompletionPacket[] = [];
  readonly #waiting: ((packet: CompletionPacket) => void)[] = [];

  /** Packets that nobody has taken yet. */
  get length(): number {
    return this.#packets.length;
  }

  /** Queues a packet of any origin, as PostQueuedCompletionStatus does. */
  post(packet: CompletionPacket): void {
    const take = this.#waiting.shift();
    if (take) take(packet);
    else this.#packets.push(packet);
  }

  /** The oldest packet, if there is one. */
  poll(): CompletionPacket | undefined {
    return this.#packets.shift();
  }

  /** The next packet, as GetQueuedCompletionStatus gives it. Rejects with `signal.reason`. */
  next(signal?: AbortSignal): Promise<CompletionPacket> {
    const ready = this.#packets.shift();
    if (ready) return Promise.resolve(ready);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const take = (packet: CompletionPacket) => {
        signal?.removeEventListener("abort", onAbort);
        resolve(packet);
      };
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(signal?.reason);
      };
      this.#waiting.push(take);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
