/** `config set` and `unset`, and the writing that other commands share with them. */
import { BranchCacheError } from "@branchcache/runtime";
import { editedTree, writeTree } from "../../config/edit.ts";
import { readTyped } from "../../config/keys.ts";
import { filePlaces, originText } from "../../config/layers.ts";
import { settingNamed } from "../../config/named-setting.ts";
import { type ResolvedConfig, resolveConfig } from "../../config/resolve.ts";
import { isOutOfReach } from "../../control/client.ts";
import type { ConfigGlobals } from "../../options/config-option.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import { complain, print } from "../../terminal/output.ts";
import { followConfig } from "./follow-config.ts";
import { valueText } from "./value-text.ts";

/** `words`: keys, each followed by its value; they are checked and written together. */
export async function setConfig(
  words: readonly string[],
  options: ControlOptions,
  globals: ConfigGlobals,
): Promise<void> {
  const changes = new Map<string, unknown>();
  for (let at = 0; at < words.length; at += 2) {
    const [key = "", text] = words.slice(at, at + 2);
    const setting = settingNamed(key);
    if (text === undefined) throw new BranchCacheError("BC_USAGE", `${key}: its value is missing`);
    changes.set(key, readTyped(setting, text));
  }
  await changeConfig(changes, options, globals);
}

export async function unsetConfig(
  keys: readonly string[],
  options: ControlOptions,
  globals: ConfigGlobals,
): Promise<void> {
  for (const key of keys) settingNamed(key);
  await changeConfig(new Map(keys.map((key) => [key, undefined])), options, globals);
}

/** Checked as a whole before it is written. Errors: `BC_CONFIG`, `BC_CONFIG_WRITE`. */
async function changeConfig(
  changes: ReadonlyMap<string, unknown>,
  options: ControlOptions,
  globals: ConfigGlobals,
): Promise<void> {
  const { file, config } = await writeConfig(changes, globals);
  const overruled = [...changes.keys()].flatMap((key) => {
    const origin = config.written.get(key)?.origin;
    return !origin || origin.kind === "edit" || origin.kind === "default"
      ? []
      : [`${key} is overruled by ${originText(origin)}`];
  });
  const restart = await restartWanted(options.controlSocket, file);
  const result = { file, changed: Object.fromEntries(changes), overruled, daemon: restart !== undefined };
  print(
    options,
    { ...result, wants_restart: restart ?? [] },
    [...changes].map(([key, value]) =>
      value === undefined ? `${key} taken out of ${file}` : `${key} = ${valueText(value)} in ${file}`,
    ),
  );
  if (options.json) return;
  for (const text of overruled) complain(text);
  for (const key of restart ?? []) complain(`${key} is followed when the daemon starts again`);
}

/** Has the daemon follow, where one runs that this user may speak to; undefined where none does. */
async function restartWanted(
  controlSocket: string | undefined,
  file: string,
): Promise<readonly string[] | undefined> {
  try {
    return (await followConfig(controlSocket, file)).restart;
  } catch (error) {
    if (isOutOfReach(error)) return undefined;
    throw error;
  }
}

/**
 * Writes the changes if the whole is accepted with them. In what it gives, settings that come from them have the origin
 * `edit`; others overrule them. Errors: `BC_CONFIG`, `BC_CONFIG_WRITE`, `BC_USAGE` where no file is in use.
 */
export async function writeConfig(
  changes: ReadonlyMap<string, unknown>,
  { config: configFile }: ConfigGlobals,
): Promise<{ readonly file: string; readonly config: ResolvedConfig }> {
  const places = filePlaces(configFile ?? process.env["BRANCHCACHE_CONFIG"]);
  if (!places) throw new BranchCacheError("BC_USAGE", "there is no configuration file: --config names one");
  const { file } = places;
  const tree = await editedTree(file, changes);
  const config = await resolveConfig({ configFile: file, edit: { tree, keys: new Set(changes.keys()) } });
  await writeTree(file, tree);
  return { file, config };
}
