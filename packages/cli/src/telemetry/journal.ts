/** The latest events, for `events` and the dashboard; whoever follows gets each as it comes. */
import type { Clock, EventFields, EventLevel, EventName, Observer } from "@branchcache/runtime";

export interface JournalEntry {
  readonly sequence: number;
  readonly atMs: number;
  readonly level: EventLevel;
  readonly event: EventName;
  readonly fields: EventFields;
}

/** Events of level `trace` come with every block: followers get them, but they are not kept. */
const KEPT: ReadonlySet<EventLevel> = new Set(["debug", "info", "warn", "error"]);
const KEPT_MAX = 1_000;

export class Journal implements Observer {
  readonly #clock: Clock;
  readonly #entries: JournalEntry[] = [];
  readonly #followers = new Set<(entry: JournalEntry) => void>();
  #sequence = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  event(level: EventLevel, event: EventName, fields: EventFields = {}): void {
    if (!KEPT.has(level) && this.#followers.size === 0) return;
    const entry = { sequence: ++this.#sequence, atMs: this.#clock.wallMs(), level, event, fields };
    if (KEPT.has(level)) {
      this.#entries.push(entry);
      if (this.#entries.length > KEPT_MAX) this.#entries.shift();
    }
    for (const follower of this.#followers) follower(entry);
  }

  count(): void {}

  measure(): void {}

  /** Oldest first; of those whose levels are wanted, `max` at the most. */
  latest(
    max: number = KEPT_MAX,
    wanted: (level: EventLevel) => boolean = () => true,
  ): readonly JournalEntry[] {
    return max <= 0 ? [] : this.#entries.filter(({ level }) => wanted(level)).slice(-max);
  }

  /** Calls `follower` with each new event. Returns a function that ends this. */
  follow(follower: (entry: JournalEntry) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}
