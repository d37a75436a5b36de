/** Bytes of a content that wait for the rest of their block, or for Content Information that covers them. */

/** The most runs that are held: many tiny pieces must not cost more memory than a few big ones. */
const MAX_RUNS = 4_096;

interface Run {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly order: number;
}

export class HeldBytes {
  readonly #limitBytes: number;
  readonly #onChange: (deltaBytes: number) => boolean;
  /** By offset, not overlapping. */
  #runs: Run[] = [];
  #size = 0;
  #order = 0;

  /** `onChange` may refuse growth; then the bytes are not held. */
  constructor(limitBytes: number, onChange: (deltaBytes: number) => boolean) {
    this.#limitBytes = limitBytes;
    this.#onChange = onChange;
  }

  /** Start and end of each run. */
  *ranges(): Generator<{ readonly startBytes: number; readonly endBytes: number }> {
    let current: { startBytes: number; endBytes: number } | undefined;
    for (const { offset, bytes } of this.#runs) {
      if (current && current.endBytes === offset) current.endBytes += bytes.length;
      else {
        if (current) yield current;
        current = { startBytes: offset, endBytes: offset + bytes.length };
      }
    }
    if (current) yield current;
  }

  /** Copies the bytes; they replace any that are held for the same offsets. Over the limit the oldest runs are dropped. */
  add(offset: number, bytes: Uint8Array): void {
    this.remove(offset, bytes.length);
    if (bytes.length === 0 || bytes.length > this.#limitBytes) return;
    while (this.#size + bytes.length > this.#limitBytes || this.#runs.length >= MAX_RUNS) this.#dropOldest();
    if (!this.#onChange(bytes.length)) return;
    this.#size += bytes.length;
    const run = { offset, bytes: bytes.slice(), order: this.#order++ };
    this.#runs.splice(this.#firstFrom(offset), 0, run);
  }

  /** A copy of the range; undefined unless all of it is held. */
  take(offset: number, lengthBytes: number): Uint8Array | undefined {
    const end = offset + lengthBytes;
    const whole = new Uint8Array(lengthBytes);
    let at = offset;
    for (let i = Math.max(this.#firstFrom(offset + 1) - 1, 0); at < end; i++) {
      const run = this.#runs[i];
      if (!run || run.offset > at) return undefined;
      const piece = run.bytes.subarray(at - run.offset, end - run.offset);
      if (piece.length === 0) return undefined;
      whole.set(piece, at - offset);
      at += piece.length;
    }
    return whole;
  }

  remove(offset: number, lengthBytes: number): void {
    const end = offset + lengthBytes;
    const kept: Run[] = [];
    let freed = 0;
    for (const run of this.#runs) {
      const runEnd = run.offset + run.bytes.length;
      if (runEnd <= offset || run.offset >= end) {
        kept.push(run);
        continue;
      }
      const before = run.bytes.slice(0, Math.max(offset - run.offset, 0));
      const after = run.bytes.slice(Math.min(end - run.offset, run.bytes.length));
      if (before.length > 0) kept.push({ ...run, bytes: before });
      if (after.length > 0) kept.push({ ...run, offset: end, bytes: after });
      freed += run.bytes.length - before.length - after.length;
    }
    this.#runs = kept;
    this.#shrink(freed);
  }

  clear(): void {
    this.#runs = [];
    this.#shrink(this.#size);
  }

  #dropOldest(): void {
    const oldest = this.#runs.reduce((a, b) => (b.order < a.order ? b : a));
    this.#runs.splice(this.#runs.indexOf(oldest), 1);
    this.#shrink(oldest.bytes.length);
  }

  #shrink(bytes: number): void {
    this.#size -= bytes;
    if (bytes > 0) this.#onChange(-bytes);
  }

  /** Index of the first run that starts at `offset` or later. */
  #firstFrom(offset: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle];
      if (run && run.offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
