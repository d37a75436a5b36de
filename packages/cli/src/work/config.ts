import { BranchCacheError, errorCode, errorMessage } from "@branchcache/runtime";
import type { ConfigGlobals } from "../commands/config.ts";
import type { ControlOptions } from "../commands/control-options.ts";
import { editedTree, writeTree } from "../config/edit.ts";
import { settingsJsonSchema } from "../config/json-schema.ts";
import { findSetting, keysBelow, type SettingKey, settingKeys } from "../config/keys.ts";
import { filePlaces, originText } from "../config/layers.ts";
import { nearestKey, type ResolvedConfig, resolveConfig } from "../config/resolve.ts";
import { typedValue } from "../config/typed-flags.ts";
import { followConfig } from "./follow-config.ts";

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
    if (words.length > 0) say(["branchcache config set", ...words].join(" \\\n  "));
  } else if (json) {
    const values = rows.map(({ key, value, origin: from }) => [
      key,
      origin ? { value: value ?? null, origin: originText(from) } : (value ?? null),
    ]);
    say(JSON.stringify(Object.fromEntries(values)));
  } else {
    const width = Math.max(...rows.map(({ key }) => key.length));
    for (const { key, value, origin: from } of rows) {
      const text = value === undefined ? "(not set)" : valueText(value);
      say(`${key.padEnd(width)}  ${text}${origin ? `  (${originText(from)})` : ""}`);
    }
  }
}

export async function getConfig(
  key: string,
  { json }: { readonly json?: true },
  { config: configFile }: ConfigGlobals,
): Promise<void> {
  const setting = settingNamed(key);
  const { written } = await resolveConfig({ configFile });
  const found = written.get(key);
  const value = shown(setting, found?.value);
  if (json) {
    say(JSON.stringify({ key, value: value ?? null, origin: found ? originText(found.origin) : null }));
  } else if (value === undefined) {
    throw new BranchCacheError("BC_NOT_SET", `${key} is not set, and has no default`);
  } else say(valueText(value));
}

/** `words`: keys, each followed by its value; they are checked and written together. */
export async function setConfig(
  words: readonly string[],
  options: ControlOptions,
  globals: ConfigGlobals,
): Promise<void> {
  const changes = new Map<string, unknown>();
  for (let at = 0; at < words.length; at += 2) {
    const [key = "", text] = words.slice(at, at + 2);
    settingNamed(key);
    if (text === undefined) throw new BranchCacheError("BC_USAGE", `${key}: its value is missing`);
    changes.set(key, typedValue(key, text));
  }
  await changeConfig(changes, options, globals);
}

export async function unsetConfig(
  key: string,
  options: ControlOptions,
  globals: ConfigGlobals,
): Promise<void> {
  settingNamed(key);
  await changeConfig(new Map([[key, undefined]]), options, globals);
}

/** Checked as a whole before it is written. Errors: `BC_CONFIG`, `BC_CONFIG_WRITE`. */
export async function changeConfig(
  changes: ReadonlyMap<string, unknown>,
  { json, controlSocket }: ControlOptions,
  globals: ConfigGlobals,
): Promise<void> {
  const { file, config } = await writeConfig(changes, globals);
  const overruled = [...changes].flatMap(([key, value]) => {
    const origin = config.written.get(key)?.origin;
    const isOurs = origin?.kind === "file" && origin.path === file;
    return isOurs || (value === undefined && origin?.kind === "default") || !origin
      ? []
      : [`${key} is overruled by ${originText(origin)}`];
  });
  const restart = await restartWanted(controlSocket);
  if (json) {
    const result = { file, changed: Object.fromEntries(changes), overruled, daemon: restart !== undefined };
    say(JSON.stringify({ ...result, wants_restart: restart ?? [] }));
  } else {
    for (const [key, value] of changes) {
      say(value === undefined ? `${key} taken out of ${file}` : `${key} = ${valueText(value)} in ${file}`);
    }
    for (const text of overruled) process.stderr.write(`branchcache: ${text}\n`);
    for (const key of restart ?? []) {
      process.stderr.write(`branchcache: ${key} is followed when the daemon starts again\n`);
    }
  }
}

/** Has the daemon follow, where one runs that this user may speak to; undefined where none does. */
async function restartWanted(controlSocket: string | undefined): Promise<readonly string[] | undefined> {
  try {
    return (await followConfig(controlSocket)).restart;
  } catch (error) {
    const code = errorCode(error);
    if (code === "BC_DAEMON_UNREACHABLE" || code === "BC_DENIED") return undefined;
    throw error;
  }
}

/** Writes the changes if the whole is accepted with them. */
export async function writeConfig(
  changes: ReadonlyMap<string, unknown>,
  { config: configFile }: ConfigGlobals,
): Promise<{ readonly file: string; readonly config: ResolvedConfig }> {
  const places = filePlaces(configFile ?? process.env["BRANCHCACHE_CONFIG"]);
  if (!places) throw new BranchCacheError("BC_USAGE", "there is no configuration file: --config names one");
  const { file } = places;
  const tree = await editedTree(file, changes);
  const config = await resolveConfig({ configFile: file, mainTree: tree });
  await writeTree(file, tree);
  return { file, config };
}

export async function checkConfig(
  file: string | undefined,
  { json }: { readonly json?: true },
  { config: configFile }: ConfigGlobals,
): Promise<void> {
  try {
    const { files, warnings } = await resolveConfig({ configFile: file ?? configFile });
    if (json) say(JSON.stringify({ accepted: true, file: files?.file ?? null, warnings, errors: [] }));
    else {
      for (const warning of warnings) say(`warning: ${warning}`);
      say(`${files?.file ?? "settings"}: accepted`);
    }
  } catch (error) {
    if (json) say(JSON.stringify({ accepted: false, warnings: [], errors: errorMessage(error).split("\n") }));
    throw error;
  }
}

export function printSchema(): void {
  say(JSON.stringify(settingsJsonSchema(), undefined, 2));
}

function settingNamed(key: string): SettingKey {
  const setting = findSetting(key);
  if (setting) return setting;
  const near = nearestKey(key);
  throw new BranchCacheError(
    "BC_USAGE",
    `${key}: there is no such setting${near ? `; did you mean ${near}?` : ""}`,
  );
}

function settingsNamed(key: string): readonly SettingKey[] {
  const section = keysBelow(key);
  return section.length > 0 ? section : [settingNamed(key)];
}

function shown({ isSecret }: SettingKey, value: unknown): unknown {
  return isSecret && value !== undefined ? "***" : value;
}

function valueText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
