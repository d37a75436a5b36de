/** The age limit in force, kept in the cluster for all processes; what the opener asked for comes first. */
import type { Clock } from "@branchcache/runtime";
import type { Limits } from "../block-store.ts";
import { checkLimits, isExpired, type SegmentState } from "../store/segment-state.ts";
import type { Connection } from "./connection.ts";
import type { Keyspace } from "./keyspace.ts";

/** As Windows. */
const DEFAULT_AGE_MS = 28 * 86_400_000;
/** Without a time to live the engine would take it for pinned. */
const FOREVER_MS = 10 * 365 * 86_400_000;
const FIELD = "max_age_ms";

export class AgeSetting implements Pick<Limits, "maxAgeMs"> {
  readonly #connection: Connection;
  readonly #key: string;
  readonly #clock: Pick<Clock, "wallMs">;
  /** 0 for none. */
  #asked: number | undefined;
  #stored: number | undefined;

  /** Throws `BC_STORE_INVALID`. */
  constructor(
    connection: Connection,
    keys: Keyspace,
    clock: Pick<Clock, "wallMs">,
    asked: number | undefined,
  ) {
    this.#connection = connection;
    this.#key = keys.whole("settings");
    this.#clock = clock;
    if (asked !== undefined && asked !== 0) checkLimits({ limitBytes: 0, maxAgeMs: asked });
    this.#asked = asked;
  }

  get maxAgeMs(): number | undefined {
    return (this.#asked ?? this.#stored ?? DEFAULT_AGE_MS) || undefined;
  }

  /** Whether a segment is past its age; one with pins never is. */
  isOver(state: Pick<SegmentState, "pins" | "createdMs">): boolean {
    return isExpired(state, this.#clock.wallMs(), this);
  }

  /** What a segment without pins has left to live, in whole milliseconds; at least 1. */
  leftMs(createdMs: number): number {
    const { maxAgeMs } = this;
    if (maxAgeMs === undefined) return FOREVER_MS;
    return Math.ceil(Math.min(FOREVER_MS, Math.max(1, createdMs + maxAgeMs - this.#clock.wallMs())));
  }

  /** Another process may have set it. */
  async refresh(): Promise<number | undefined> {
    const [value] = await this.#connection.fields(this.#key, [FIELD]);
    this.#stored = value ? Number(new TextDecoder().decode(value)) : undefined;
    return this.maxAgeMs;
  }

  async set(maxAgeMs: number | undefined): Promise<void> {
    checkLimits({ limitBytes: 0, maxAgeMs });
    await this.#connection.write(this.#key, "hset", FIELD, maxAgeMs ?? 0);
    this.#stored = maxAgeMs ?? 0;
    this.#asked = undefined;
  }
}
