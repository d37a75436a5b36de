/** Time as a constructor argument, so that a test can stand one millisecond before a deadline. */

/** Takes back a call that `after` has planned; without effect once it was made. */
export type CancelTimer = () => void;

/** An abort signal that fires by itself. `cancel` drops its timer and its listener on the parent. */
export interface Deadline {
  /** Fires when the time is up, with a reason that `isTimeout` knows, or when the parent does, with its reason. */
  readonly signal: AbortSignal;
  /** From now on the signal never fires, if it has not yet. Twice is harmless. */
  cancel(): void;
  /** As `cancel`, for `using`. */
  [Symbol.dispose](): void;
}

/**
 * The time, and everything that waits. `systemClock` of `./node` is the real one, `manualClock` of `./testing` is
 * driven by hand.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC; jumps when the machine's clock is set. */
  wallMs(): number;
  /** Milliseconds since some fixed moment; never goes back. */
  monotonicMs(): number;
  /** Rejects with `signal.reason` at once when aborted, and leaves no timer and no listener behind. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` once, unless cancelled first. */
  after(ms: number, fn: () => void): CancelTimer;
  /** Aborts with a `TimeoutError` after `ms`, or with the parent's reason when that aborts first. */
  deadline(ms: number, parent?: AbortSignal): Deadline;
}

/** What a clock adds of its own; `makeClock` builds the rest on it. */
export interface TimerSource {
  /** Milliseconds since 1970-01-01 UTC. */
  wallMs(): number;
  /** Milliseconds since some fixed moment; never goes back. */
  monotonicMs(): number;
  /** Calls `fn` once after `ms` milliseconds, unless the function returned is called first. */
  after(ms: number, fn: () => void): CancelTimer;
}

/** The reason of a deadline that passed; `name` is `TimeoutError` as in the web platform. */
export function timeoutReason(ms: number): DOMException {
  return new DOMException(`no result within ${ms} ms`, "TimeoutError");
}

/** Whether an abort's reason says that time ran out: ours, or that of `AbortSignal.timeout`. */
export function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "TimeoutError";
}

/** A `Clock` over anything that can tell the time and call back later. */
export function makeClock(source: TimerSource): Clock {
  return {
    wallMs: () => source.wallMs(),
    monotonicMs: () => source.monotonicMs(),
    after: (ms, fn) => source.after(ms, fn),
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const onAbort = () => {
          cancel();
          reject(signal?.reason);
        };
        const cancel = source.after(ms, () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        });
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
    deadline(ms, parent) {
      const controller = new AbortController();
      const onParent = () => {
        cancelTimer();
        controller.abort(parent?.reason);
      };
      const cancelTimer = source.after(ms, () => {
        parent?.removeEventListener("abort", onParent);
        controller.abort(timeoutReason(ms));
      });
      const cancel = () => {
        cancelTimer();
        parent?.removeEventListener("abort", onParent);
      };
      if (parent?.aborted) onParent();
      else parent?.addEventListener("abort", onParent, { once: true });
      return { signal: controller.signal, cancel, [Symbol.dispose]: cancel };
    },
  };
}
