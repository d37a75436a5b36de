/** `config show`, `get` and `schema`. */
import { BranchCacheError } from "@branchcache/runtime";
import { settingsJsonSchema } from "../../config/json-schema.ts";
import { type SettingKey, settingKeys } from "../../config/keys.ts";
import { originText } from "../../config/layers.ts";
import { settingNamed, settingsNamed } from "../../config/named-setting.ts";
import { resolveConfig } from "../../config/resolve.ts";
import type { ConfigGlobals } from "../../options/config-option.ts";
import { type OutputOptions, pairs, print, printJson, printLines } from "../../terminal/output.ts";
import { valueText } from "./value-text.ts";

export interface ConfigShowOptions {
  readonly origin?: true;
  readonly setOnly?: true;
  readonly asCommands?: true;
  readonly json?: true;
}

export async function showConfig(
  keys: readonly string[],
  { origin, setOnly, asCommands, json }: ConfigShowOptions,
  { config: configFile }: ConfigGlobals,
): Promise<void> {
  const config = await resolveConfig({ configFile });
  const rows = (keys.length === 0 ? settingKeys : keys.flatMap(settingsNamed)).flatMap((setting) => {
    const written = config.written.get(setting.key);
    if (!written || (setOnly && written.origin.kind === "default")) return [];
    return [{ key: setting.key, value: shown(setting, written.value), origin: written.origin }];
  });
  if (asCommands) {
    const changed = rows.filter(({ origin: from }) => from.kind !== "default");
    const words = changed.map(({ key, value }) => `${key} ${shellWord(valueText(value))}`);
    // All by one command, since some are not accepted without others.
    if (words.length > 0) printLines([["branchcache config set", ...words].join(" \\\n  ")]);
  } else if (json) {
    const values = rows.map(({ key, value, origin: from }) => [
      key,
      origin ? { value: value ?? null, origin: originText(from) } : (value ?? null),
    ]);
    printJson(Object.fromEntries(values));
  } else {
    printLines(
      pairs(
        rows.map(({ key, value, origin: from }) => [
          key,
          `${value === undefined ? "(not set)" : valueText(value)}${origin ? `  (${originText(from)})` : ""}`,
        ]),
      ),
    );
  }
}

export async function getConfig(
  key: string,
  options: OutputOptions,
  { config: configFile }: ConfigGlobals,
): Promise<void> {
  const setting = settingNamed(key);
  const { written } = await resolveConfig({ configFile });
  const found = written.get(key);
  const value = shown(setting, found?.value);
  if (value === undefined && !options.json) {
    throw new BranchCacheError("BC_NOT_SET", `${key} is not set, and has no default`);
  }
  const origin = found ? originText(found.origin) : null;
  print(options, { key, value: value ?? null, origin }, [valueText(value)]);
}

export function printSchema(): void {
  printLines([JSON.stringify(settingsJsonSchema(), undefined, 2)]);
}

function shown({ isSecret }: SettingKey, value: unknown): unknown {
  return isSecret && value !== undefined ? "***" : value;
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
