/** Parts that a change of settings replaced: they finish what they are doing while their successors run already. */
export class Retiring {
  readonly #endings = new Set<Promise<void>>();

  /** Its failure matters to nobody: the part is no longer used. */
  add(ending: Promise<void> | undefined): void {
    if (!ending) return;
    const ended = ending.catch(() => {}).finally(() => this.#endings.delete(ended));
    this.#endings.add(ended);
  }

  async ended(): Promise<void> {
    await Promise.all(this.#endings);
  }
}
