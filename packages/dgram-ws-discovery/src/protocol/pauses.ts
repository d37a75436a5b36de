/** Waits that can all be ended at once, without a listener for each on one long-lived signal, nor a timer. */
import type { Clock } from "../ports.ts";

/** Something to be done later: an object in place of a function, since thousands wait at a time. */
export interface Task {
  run(): void;
}

/** Up to this many milliseconds, to wait for one more is to wait for much longer. */
const FEW_MS = 4;

export class Pauses {
  readonly #clock: Clock;
  readonly #ends = new Set<() => void>();
  /** What is to be done at each millisecond. */
  readonly #due = new Map<number, { readonly tasks: Task[]; readonly cancel: () => void }>();
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

  /** Runs the task after `ms`, and up to a millisecond more; never if it was ended. */
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

  /** Not a moment early: a system's timer may be, by what its clock leaves out of a millisecond. */
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

  /** Those under way, and any that come later. */
  end(): void {
    this.#ended = true;
    for (const end of [...this.#ends]) end();
    this.#ends.clear();
    for (const { cancel } of this.#due.values()) cancel();
    this.#due.clear();
  }
}
