import { stat } from "node:fs/promises";
import { isAnswered } from "@branchcache/peer-node/socket";
import { BranchCacheError, errorCode, errorMessage } from "@branchcache/runtime";
import type { ConfigGlobals } from "../commands/config.ts";
import type { ControlOptions } from "../commands/control-options.ts";
import { editedTree, writeTree } from "../config/edit.ts";
import { settingsJsonSchema } from "../config/json-schema.ts";
import { findSetting, keysBelow, type SettingKey, settingKeys } from "../config/keys.ts";
import { filePlaces, originText } from "../config/layers.ts";
import { nearestKey, type ResolvedConfig, resolveConfig } from "../config/resolve.ts";
import { isMatterOfRights } from "../config/setting-error.ts";
import { typedValue } from "../config/typed-flags.ts";
import { controlSocketBeside } from "../paths.ts";
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

export interface ConfigCheckOptions {
  readonly json?: true;
  /** Look at nothing but the settings: they are meant for another machine. */
  readonly settingsOnly?: true;
}

/** Errors: `BC_CONFIG`, and `BC_START` where the settings are accepted and the daemon would not start here. */
export async function checkConfig(
  file: string | undefined,
  { json, settingsOnly }: ConfigCheckOptions,
  { config: configFile }: ConfigGlobals,
): Promise<void> {
  const tell = (accepted: boolean, warnings: readonly string[], errors: readonly string[], name?: string) => {
    if (json) say(JSON.stringify({ accepted, file: name ?? null, warnings, errors }));
    else for (const warning of warnings) say(`warning: ${warning}`);
  };
  let config: ResolvedConfig;
  try {
    config = await resolveConfig({ configFile: file ?? configFile });
  } catch (error) {
    tell(false, [], errorMessage(error).split("\n"));
    throw error;
  }
  const problems = settingsOnly ? [] : await problemsHere(config);
  // The daemon may run as somebody else.
  const doubtful = problems.filter((error) => isMatterOfRights(error));
  const certain = problems.filter((error) => !isMatterOfRights(error));
  const warnings = [
    ...config.warnings,
    ...doubtful.map((error) => `a daemon of this user would say: ${errorMessage(error)}`),
  ];
  const errors = certain.map((error) => `${errorMessage(error)} (${errorCode(error)})`);
  const name = config.files?.file;
  tell(errors.length === 0, warnings, errors, name);
  if (errors.length > 0) {
    for (const text of errors) process.stderr.write(`branchcache: ${text}\n`);
    throw new BranchCacheError("BC_START", "the daemon would not start here");
  }
  const isThere = name === undefined || (await stat(name).catch(() => undefined));
  if (!json) say(`${name ?? "settings"}: ${isThere ? "" : "not there; the rest is "}accepted`);
}

async function problemsHere(config: ResolvedConfig): Promise<readonly Error[]> {
  const { api, control } = config.settings;
  const { startProblems } = await import("../doctor/start-problems.ts");
  const daemonRuns = await isAnswered(control.socket ?? controlSocketBeside(api.socket));
  return startProblems(config, { daemonRuns });
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
