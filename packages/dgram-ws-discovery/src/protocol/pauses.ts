/**
 * Waits and delayed tasks that are all ended by one call, when their owner closes. Thousands may be pending, so tasks
 * that fall due in the same millisecond share a timer, and none adds a listener to a long-lived signal.
 */
import type { Clock } from "../ports.ts";

/** Something to do later. An object takes less memory than a closure, and thousands may be pending. */
export interface Task {
  run(): void;
}

/** Delays up to this get a timer of their own: rounding them up to a whole millisecond would add too much. */
const FEW_MS = 4;

export class Pauses {
  readonly #clock: Clock;
  readonly #ends = new Set<() => void>();
  /** Tasks by the millisecond of `monotonicMs` at which they are due. */
  readonly #due = new Map<number, { readonly tasks: Task[]; readonly cancel: () => void }>();
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves with true after `ms`, and with false as soon as `signal` is aborted or `end` is called. */
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

  /** Runs the task after at least `ms`, up to a millisecond later than that; not at all once `end` was called. */
  after(ms: number, task: Task): void {
    if (this.#ended) return;
    if (ms <= FEW_MS) {
      this.#soon(ms, task);
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    const dueMs = Math.ceil(nowMs + ms);
    const due = this.#due.get(dueMs);
    if (due) {
      due.tasks.push(task);
      return;
    }
    const tasks = [task];
    const cancel = this.#clock.after(dueMs - nowMs, () => {
      this.#due.delete(dueMs);
      for (const each of tasks) each.run();
    });
    this.#due.set(dueMs, { tasks, cancel });
  }

  /** Never early: a timer of the system may fire a fraction of a millisecond before its time, and is set again then. */
  #soon(ms: number, task: Task): void {
    const dueMs = this.#clock.monotonicMs() + ms;
    let cancel = () => {};
    const end = () => cancel();
    const look = () => {
      const leftMs = dueMs - this.#clock.monotonicMs();
      if (leftMs > 0) cancel = this.#clock.after(leftMs, look);
      else {
        this.#ends.delete(end);
        task.run();
      }
    };
    cancel = this.#clock.after(ms, look);
    this.#ends.add(end);
  }

  /** Ends everything pending; whatever is asked for later ends at once. */
  end(): void {
    this.#ended = true;
    for (const end of [...this.#ends]) end();
    this.#ends.clear();
    for (const { cancel } of this.#due.values()) cancel();
    this.#due.clear();
  }
}
