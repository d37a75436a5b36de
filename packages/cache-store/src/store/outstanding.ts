/** Work in the background that `flush` or `close` waits for. */
export class Outstanding {
  readonly #works = new Set<Promise<void>>();

  /** Must not reject. */
  add(work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => this.#works.delete(tracked));
    this.#works.add(tracked);
    return tracked;
  }

  /** Resolves when all that is known now is done. */
  async done(): Promise<void> {
    await Promise.all(this.#works);
  }
}
