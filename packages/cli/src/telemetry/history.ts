/** Rates of the last hour, and totals of today and since the beginning, which outlive the daemon. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "@branchcache/runtime";
import { writeWhole } from "../files/whole-file.ts";
import type { Metrics } from "./metrics.ts";

export const SOURCES = ["local", "peer", "hosted", "origin"] as const;
type Source = (typeof SOURCES)[number];
type BySource = Record<Source, number>;

export interface Sample {
  readonly atMs: number;
  /** Bytes a second since the sample before. */
  readonly rates: Readonly<BySource>;
  readonly served: number;
}

export interface Totals {
  readonly bytes: Readonly<BySource>;
  readonly served: number;
  /** The part of it served as a hosted cache: what its clients did not take from the origin. */
  readonly hostedServed: number;
  /** Bytes that clients of this machine's content server got from their branch instead. */
  readonly contentServerSaved: number;
}

interface Kept {
  readonly today: { readonly day: string } & Totals;
  readonly all: Totals;
}

const SAMPLE_MS = 5_000;
const SAMPLES_MAX = 720;
/** How often totals are saved; a crash loses what was counted since. */
const SAVE_EVERY_SAMPLES = 60;

export class History {
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #file: string | undefined;
  readonly #samples: Sample[] = [];
  /** What is added to the counts since this start: for all days, and for `day`. */
  #base: { all: Totals; today: Totals; day: string };
  #last: Totals;
  #lastMs: number;
  #cancel = () => {};
  #untilSave = SAVE_EVERY_SAMPLES;
  /** One after another: they write the same file. */
  #saving: Promise<void> = Promise.resolve();

  private constructor(metrics: Metrics, clock: Clock, file: string | undefined, kept: Kept | undefined) {
    this.#metrics = metrics;
    this.#clock = clock;
    this.#file = file;
    const day = this.#day();
    this.#base = { all: kept?.all ?? NOTHING, today: kept?.today.day === day ? kept.today : NOTHING, day };
    this.#last = NOTHING;
    this.#lastMs = clock.monotonicMs();
  }

  static async start(metrics: Metrics, clock: Clock, file: string | undefined): Promise<History> {
    const history = new History(metrics, clock, file, file === undefined ? undefined : await readKept(file));
    history.#wait();
    return history;
  }

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  get today(): Totals {
    this.#turnDay();
    return add(this.#base.today, this.#sinceStart());
  }

  get all(): Totals {
    return add(this.#base.all, this.#sinceStart());
  }

  /** Forgets the totals too. */
  clear(): void {
    this.#base = { all: NOTHING, today: NOTHING, day: this.#day() };
    this.#last = NOTHING;
    this.#samples.length = 0;
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#save();
  }

  #wait(): void {
    this.#cancel = this.#clock.after(SAMPLE_MS, () => {
      this.sample();
      if (--this.#untilSave <= 0) {
        this.#untilSave = SAVE_EVERY_SAMPLES;
        void this.#save();
      }
      this.#wait();
    });
  }

  /** Takes one now. */
  sample(): void {
    const nowMs = this.#clock.monotonicMs();
    const seconds = Math.max(nowMs - this.#lastMs, 1) / 1_000;
    const now = this.#sinceStart();
    const rate = (at: Source) => Math.round((now.bytes[at] - this.#last.bytes[at]) / seconds);
    const rates = {
      local: rate("local"),
      peer: rate("peer"),
      hosted: rate("hosted"),
      origin: rate("origin"),
    };
    const served = Math.round((now.served - this.#last.served) / seconds);
    this.#samples.push({ atMs: this.#clock.wallMs(), rates, served });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
    this.#metrics.measure("branch_rate_bytes_per_second", rates.peer + rates.hosted);
    this.#last = now;
    this.#lastMs = nowMs;
    this.#turnDay();
  }

  #turnDay(): void {
    const day = this.#day();
    if (day === this.#base.day) return;
    const { all } = this.#base;
    this.#base = { all, today: subtract(NOTHING, this.#sinceStart()), day };
  }

  #day(): string {
    const now = new Date(this.#clock.wallMs());
    return `${now.getFullYear()}-${now.getMonth() + 1}-${now.getDate()}`;
  }

  #sinceStart(): Totals {
    const sources = this.#metrics.by("retrieval_bytes_total", "source");
    const saved =
      this.#metrics.sum("projected_bytes_total") -
      this.#metrics.sum("miss_bytes_total") -
      this.#metrics.sum("content_info_sent_bytes_total");
    // Blocks that a hosted cache pulls from a client that offered them were read by nobody yet.
    const pulled = this.#metrics.sum("retrieval_bytes_total", { source: "peer", app: "pull" });
    return {
      bytes: {
        local: sources["local"] ?? 0,
        peer: (sources["peer"] ?? 0) - pulled,
        hosted: sources["hosted"] ?? 0,
        origin: sources["origin"] ?? 0,
      },
      served: this.#metrics.sum("served_bytes_total"),
      hostedServed: this.#metrics.sum("served_bytes_total", { to: "hosted" }),
      contentServerSaved: saved,
    };
  }

  /** Never rejects: that totals cannot be saved is no reason to stop the daemon. */
  #save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  async #write(): Promise<void> {
    if (this.#file === undefined) return;
    const kept: Kept = { today: { day: this.#base.day, ...this.today }, all: this.all };
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
      await writeWhole(this.#file, JSON.stringify(kept));
    } catch {
      // The file keeps the totals that were saved before.
    }
  }
}

/** Bytes that were read but not from the origin: by this machine, and by its clients if it is a hosted cache. */
export function savedBytes({ bytes, hostedServed }: Totals): number {
  return bytes.local + bytes.peer + bytes.hosted + hostedServed;
}

const NOTHING: Totals = {
  bytes: { local: 0, peer: 0, hosted: 0, origin: 0 },
  served: 0,
  hostedServed: 0,
  contentServerSaved: 0,
};

function combine(a: Totals, b: Totals, with_: (a: number, b: number) => number): Totals {
  const bytes = Object.fromEntries(
    SOURCES.map((source) => [source, with_(a.bytes[source] ?? 0, b.bytes[source])]),
  ) as BySource;
  return {
    bytes,
    served: with_(a.served, b.served),
    hostedServed: with_(a.hostedServed, b.hostedServed),
    contentServerSaved: with_(a.contentServerSaved, b.contentServerSaved),
  };
}

const add = (a: Totals, b: Totals) => combine(a, b, (x, y) => x + y);
const subtract = (a: Totals, b: Totals) => combine(a, b, (x, y) => x - y);

async function readKept(file: string): Promise<Kept | undefined> {
  try {
    const kept = JSON.parse(await readFile(file, "utf8")) as Kept;
    return Number.isFinite(kept.all.bytes.peer + kept.all.hostedServed) && typeof kept.today.day === "string"
      ? kept
      : undefined;
  } catch {
    return undefined;
  }
}
