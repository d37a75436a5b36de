/** Keys by rank. Ranks mostly grow, so that they are sorted already; where one did not, it is sorted once. */
export class SortedQueue<K> {
  readonly #ranks = new Map<K, number>();
  #highest = Number.NEGATIVE_INFINITY;
  #sorted = true;

  set(key: K, rank: number): void {
    this.#ranks.delete(key);
    if (rank < this.#highest) this.#sorted = false;
    else this.#highest = rank;
    this.#ranks.set(key, rank);
  }

  delete(key: K): void {
    this.#ranks.delete(key);
  }

  /** The first of lowest rank, with the rank. */
  first(count: number): (readonly [key: K, rank: number])[] {
    if (!this.#sorted) {
      const entries = [...this.#ranks].sort(([, a], [, b]) => a - b);
      this.#ranks.clear();
      for (const [key, rank] of entries) this.#ranks.set(key, rank);
      this.#sorted = true;
    }
    const first: (readonly [K, number])[] = [];
    for (const entry of this.#ranks) {
      first.push(entry);
      if (first.length === count) break;
    }
    return first;
  }
}
