/** Keeps what is asked about one segment in order, while others go on. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();
  readonly #running = new Map<string, Set<Promise<unknown>>>();

  /** Beside others of its kind, after all exclusive ones asked for before. */
  async beside<T>(key: string, action: () => Promise<T>): Promise<T> {
    const last = this.#last.get(key);
    return this.#track(key, last !== undefined ? last.then(action, action) : action());
  }

  /** After all that was asked for before; what is asked for later waits. */
  async alone<T>(key: string, action: () => Promise<T>): Promise<T> {
    const before = this.#before(key);
    const done = this.#track(key, before !== undefined ? before.then(action) : action());
    const settled = done.catch(() => {});
    this.#last.set(key, settled);
    const forget = () => {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    };
    void settled.then(forget);
    return done;
  }

  /** After all changes asked for before; in nobody's way. */
  async after<T>(key: string, action: () => Promise<T>): Promise<T> {
    const before = this.#before(key);
    if (before !== undefined) await before;
    return action();
  }

  /** Resolves when all that is under way has ended. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].flatMap((running) => [...running]));
  }

  #before(key: string): Promise<unknown> | undefined {
    const running = this.#running.get(key);
    return running && Promise.allSettled(running);
  }

  #track<T>(key: string, promise: Promise<T>): Promise<T> {
    const running = this.#running.get(key) ?? new Set<Promise<unknown>>();
    this.#running.set(key, running.add(promise));
    const done = () => {
      running.delete(promise);
      if (running.size === 0 && this.#running.get(key) === running) this.#running.delete(key);
    };
    promise.then(done, done);
    return promise;
  }
}
