/** How much one identity may have at a time. */

export interface QuotaLimits {
  /** Connections. Default 64. */
  readonly sessions: number;
  /** Handles open. Default 1,024. */
  readonly handles: number;
  /** Default 10,000. */
  readonly publications: number;
  /** Operations accepted and not completed; each may hold 256 KiB. Default 256. */
  readonly operations: number;
  /** Content Information, hashes of publications, and data that waits for verification. Default 256 MiB. */
  readonly bytes: number;
}

export const DEFAULT_QUOTA: QuotaLimits = {
  sessions: 64,
  handles: 1_024,
  publications: 10_000,
  operations: 256,
  bytes: 2 ** 28,
};

export class Quota {
  readonly #limits: QuotaLimits;
  readonly #used: Record<keyof QuotaLimits, number> = {
    sessions: 0,
    handles: 0,
    publications: 0,
    operations: 0,
    bytes: 0,
  };

  constructor(limits: QuotaLimits) {
    this.#limits = limits;
  }

  get used(): Readonly<Record<keyof QuotaLimits, number>> {
    return this.#used;
  }

  /** False where that would be too much; then nothing was taken. */
  take(what: keyof QuotaLimits, amount = 1): boolean {
    if (this.#used[what] + amount > this.#limits[what]) return false;
    this.#used[what] += amount;
    return true;
  }

  give(what: keyof QuotaLimits, amount = 1): void {
    this.#used[what] -= amount;
  }
}
