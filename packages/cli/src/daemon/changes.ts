/** What differs between two configurations, and what that asks of a daemon that runs. */
import { settingKeys } from "../config/keys.ts";
import type { ResolvedConfig } from "../config/resolve.ts";

export interface Changes {
  readonly keys: readonly string[];
  /** Of those, the ones that a running daemon cannot follow. */
  readonly restart: readonly string[];
  /** Whether something changed in one of these settings or sections. */
  touches(...prefixes: readonly string[]): boolean;
}

export function changesBetween(before: ResolvedConfig, after: ResolvedConfig): Changes {
  const text = (config: ResolvedConfig, key: string) => JSON.stringify(config.written.get(key)?.value);
  const changed = settingKeys.filter(({ key }) => text(before, key) !== text(after, key));
  const keys = changed.map(({ key }) => key);
  return {
    keys,
    restart: changed.filter(({ takes }) => takes === "restart").map(({ key }) => key),
    touches: (...prefixes) =>
      keys.some((key) => prefixes.some((prefix) => key === prefix || key.startsWith(`${prefix}.`))),
  };
}
