/** Waits that can all be ended at once, without a listener for each on one long-lived signal, nor a timer. */
import type { Clock } from "../ports.ts";

export class Pauses {
  readonly #clock: Clock;
  readonly #ends = new Set<() => void>();
  /** What is to be done at each millisecond. */
  readonly #due = new Map<number, { readonly work: (() => void)[]; readonly cancel: () => void }>();
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True after `ms`; false as soon as it is aborted or ended. */
  wait(ms: number, signal?: AbortSignal): Promise<boolean> {
    if (this.#ended || signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (passed: boolean) => {
        cancel();
        this.#ends.delete(end);
        signal?.removeEventListener("abort", end);
        resolve(passed);
      };
      const end = () => finish(false);
      const cancel = this.#clock.after(ms, () => finish(true));
      this.#ends.add(end);
      signal?.addEventListener("abort", end, { once: true });
    });
  }

  /** Calls `work` after `ms`, rounded up to a whole millisecond; never if it was ended. */
  after(ms: number, work: () => void): void {
    if (this.#ended) return;
    const nowMs = this.#clock.monotonicMs();
    const dueMs = Math.ceil(nowMs + ms);
    const due = this.#due.get(dueMs);
    if (due) {
      due.work.push(work);
      return;
    }
    const entry = [work];
    const cancel = this.#clock.after(dueMs - nowMs, () => {
      this.#due.delete(dueMs);
      for (const each of entry) each();
    });
    this.#due.set(dueMs, { work: entry, cancel });
  }

  /** Those under way, and any that come later. */
  end(): void {
    this.#ended = true;
    for (const end of [...this.#ends]) end();
    for (const { cancel } of this.#due.values()) cancel();
    this.#due.clear();
  }
}
