/** The limits in force: what the opener asked for, else what the owner has set, else the defaults. */
import type { Limits } from "../block-store.ts";
import { StoreError } from "../errors.ts";
import { checkLimits } from "../store/segment-state.ts";
import type { Environment } from "./environment.ts";
import type { StoredSettings } from "./formats.ts";
import { type BlockTables, readSettings, writeSettings } from "./tables.ts";
import { transact } from "./transact.ts";

/** As Windows: 5 % of the volume for blocks, 1 % for publications, 28 days. */
const DEFAULT_PERCENT = 5;
const DEFAULT_PUBLICATION_PERCENT = 1;
const DEFAULT_AGE_MS = 28 * 86_400_000;
/** One percent of a small volume would hold next to nothing. */
const LEAST_PUBLICATION_BYTES = 64 * 2 ** 20;

export class LimitSettings {
  readonly #environment: Environment;
  readonly #volumeBytes: number;
  #asked: StoredSettings;

  /** Throws `BC_STORE_INVALID`. */
  constructor(environment: Environment, volumeBytes: number, asked: StoredSettings) {
    this.#environment = environment;
    this.#volumeBytes = volumeBytes;
    this.#asked = asked;
    checkSettings(asked);
  }

  /** Every write asks, so that what another process has set holds for this one too. */
  read(tables: BlockTables): Limits {
    const stored = readSettings(tables);
    const bytes = pickLimit(this.#asked, this.#volumeBytes) ?? pickLimit(stored, this.#volumeBytes);
    const ageMs = this.#asked.maxAgeMs ?? stored.maxAgeMs ?? DEFAULT_AGE_MS;
    return {
      limitBytes: bytes ?? share(this.#volumeBytes, DEFAULT_PERCENT),
      maxAgeMs: ageMs === 0 ? undefined : ageMs,
    };
  }

  publicationBytes(tables: BlockTables): number {
    const limit = ({ publicationLimitBytes, publicationLimitPercent }: StoredSettings) =>
      pickLimit(
        {
          ...(publicationLimitBytes !== undefined && { limitBytes: publicationLimitBytes }),
          ...(publicationLimitPercent !== undefined && { limitPercent: publicationLimitPercent }),
        },
        this.#volumeBytes,
      );
    return (
      limit(this.#asked) ??
      limit(readSettings(tables)) ??
      Math.max(LEAST_PUBLICATION_BYTES, share(this.#volumeBytes, DEFAULT_PUBLICATION_PERCENT))
    );
  }

  /** Sets for good, for all processes; what was asked for at opening gives way. Throws `BC_STORE_INVALID`. */
  async change(tables: BlockTables, settings: StoredSettings): Promise<void> {
    checkSettings(settings);
    await transact(this.#environment, () =>
      writeSettings(tables, withoutOld(readSettings(tables), settings)),
    );
    this.#asked = without(withoutOld(this.#asked, settings), Object.keys(settings));
  }
}

/** A limit in bytes replaces one in percent, and the other way round. */
function withoutOld(old: StoredSettings, changed: StoredSettings): StoredSettings {
  const rivals: string[] = [];
  if (changed.limitBytes !== undefined || changed.limitPercent !== undefined)
    rivals.push("limitBytes", "limitPercent");
  if (changed.publicationLimitBytes !== undefined || changed.publicationLimitPercent !== undefined)
    rivals.push("publicationLimitBytes", "publicationLimitPercent");
  return { ...without(old, rivals), ...changed };
}

function without(settings: StoredSettings, keys: readonly string[]): StoredSettings {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !keys.includes(key)));
}

function pickLimit(
  { limitBytes, limitPercent }: Pick<StoredSettings, "limitBytes" | "limitPercent">,
  volumeBytes: number,
): number | undefined {
  return limitBytes ?? (limitPercent === undefined ? undefined : share(volumeBytes, limitPercent));
}

function share(volumeBytes: number, percent: number): number {
  return Math.floor((volumeBytes * percent) / 100);
}

function checkSettings(settings: StoredSettings): void {
  for (const bytes of [settings.limitBytes, settings.publicationLimitBytes]) {
    if (bytes !== undefined) checkLimits({ limitBytes: bytes, maxAgeMs: undefined });
  }
  for (const percent of [settings.limitPercent, settings.publicationLimitPercent]) {
    if (percent !== undefined && !(percent > 0 && percent <= 100)) {
      throw new StoreError("BC_STORE_INVALID", `a limit of ${percent} % of the volume`);
    }
  }
  if (settings.maxAgeMs !== undefined && !(settings.maxAgeMs >= 0)) {
    throw new StoreError("BC_STORE_INVALID", `an age limit of ${settings.maxAgeMs} ms`);
  }
}
