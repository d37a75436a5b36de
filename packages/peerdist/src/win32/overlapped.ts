/** OVERLAPPED, which identifies an asynchronous operation, and the event that is set when it ends. */

/** A manual-reset event. */
export class ManualResetEvent {
  #set = false;
  #waiting: (() => void)[] = [];

  /** Whether a `wait` would resolve at once. */
  get isSet(): boolean {
    return this.#set;
  }

  /** Wakes all that wait; whoever waits later goes on at once, until `reset`. */
  set(): void {
    this.#set = true;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Whoever waits later waits until the next `set`. */
  reset(): void {
    this.#set = false;
  }

  /** Resolves when it is set; at once if it is. Rejects with `signal.reason`. */
  wait(signal?: AbortSignal): Promise<void> {
    if (this.#set) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((one) => one !== wake);
        reject(signal?.reason);
      };
      this.#waiting.push(wake);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}

/** Where an operation starts, and the event that its end sets. */
export interface OverlappedInit {
  /** In bytes; sets `Offset` and `OffsetHigh`. */
  readonly offset?: bigint | number;
  /** Reset when an operation is accepted with it, and set when that ends. Default: none. */
  readonly hEvent?: ManualResetEvent;
}

/**
 * OVERLAPPED. From the acceptance of an operation to its completion the service owns it, the buffer and the out
 * parameters: touch none of them. Afterwards it may be used for another operation.
 */
export class Overlapped {
  /** The error the operation completed with; `STATUS_PENDING` until then. */
  Internal = 0;
  /** Bytes transferred. */
  InternalHigh = 0;
  /** Low and high half of the offset, 32 bits each. */
  Offset = 0;
  OffsetHigh = 0;
  hEvent: ManualResetEvent | undefined;

  constructor({ offset = 0, hEvent }: OverlappedInit = {}) {
    this.hEvent = hEvent;
    this.offset = BigInt(offset);
  }

  /** Both halves together. */
  get offset(): bigint {
    return (BigInt(this.OffsetHigh) << 32n) | BigInt(this.Offset);
  }

  set offset(bytes: bigint) {
    this.Offset = Number(BigInt.asUintN(32, bytes));
    this.OffsetHigh = Number(BigInt.asUintN(32, bytes >> 32n));
  }
}

/** NTSTATUS of an operation that is under way, in `Overlapped.Internal`. */
export const STATUS_PENDING = 0x103;
