/** A bounded queue between callbacks that push and one reader that iterates. */
export class AsyncQueue<T> {
  readonly #max: number;
  readonly #items: T[] = [];
  #wake: () => void = () => {};
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;

  /** `max`: items that may be queued. */
  constructor(max: number) {
    this.#max = max;
  }

  /** False if the reader is so far behind that the item was dropped. */
  push(item: T): boolean {
    if (this.#ended || this.#items.length >= this.#max) return false;
    this.#items.push(item);
    this.#wake();
    return true;
  }

  /** No more items: the reader gets those that are queued, and then the end. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The reader throws the reason at once; queued items are lost. */
  fail(reason: unknown): void {
    this.#failure = { reason };
    this.#ended = true;
    this.#wake();
  }

  /** To be iterated by one reader. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      if (this.#failure) throw this.#failure.reason;
      const item = this.#items.shift();
      if (item !== undefined) yield item;
      else if (this.#ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
