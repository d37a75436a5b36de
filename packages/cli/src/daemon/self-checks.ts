/** The checks of `branchcache doctor` that the daemon makes of itself: soon after its start, then now and then. */
import type { Clock, Observer } from "@branchcache/runtime";
import type { Finding } from "../doctor/finding.ts";

/** The node has settled by then. */
const FIRST_CHECK_MS = 3_000;
const CHECK_EVERY_MS = 15 * 60_000;

export class SelfChecks {
  readonly #check: () => Promise<readonly Finding[]>;
  readonly #clock: Clock;
  readonly #observer: Observer;
  #findings: readonly Finding[] = [];
  #stopped = false;
  #cancel = () => {};

  constructor(check: () => Promise<readonly Finding[]>, clock: Clock, observer: Observer) {
    this.#check = check;
    this.#clock = clock;
    this.#observer = observer;
  }

  /** Of the latest check. */
  get findings(): readonly Finding[] {
    return this.#findings;
  }

  /** Checks now, and reports each bad finding as an event. */
  async run(): Promise<readonly Finding[]> {
    this.#findings = await this.#check();
    for (const { result, event = "doctor.found", check, text, cure } of this.#findings) {
      if (result === "bad") this.#observer.event("warn", event, { check, reason: text, cure });
    }
    return this.#findings;
  }

  schedule(): void {
    this.#next(FIRST_CHECK_MS);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #next(delayMs: number): void {
    this.#cancel = this.#clock.after(delayMs, async () => {
      await this.run().catch(() => {});
      if (!this.#stopped) this.#next(CHECK_EVERY_MS);
    });
  }
}
