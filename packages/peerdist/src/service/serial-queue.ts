/** Runs one task after another. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();

  /** A failed task does not stop the next. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(task);
    this.#tail = done.catch(() => {});
    return done;
  }
}
