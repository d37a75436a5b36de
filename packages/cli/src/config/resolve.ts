/** Puts the layers together and checks the whole: settings, and for each where it came from. */
import { BranchCacheError } from "@branchcache/runtime";
import type { z } from "zod";
import { findSetting, keysBelow, settingKeys } from "./keys.ts";
import {
  environmentLayer,
  type FilePlaces,
  fileLayers,
  filePlaces,
  flagLayer,
  getAt,
  isTree,
  type Layer,
  type Origin,
  originText,
  type SettingFlags,
  setAt,
  type TreeEdit,
} from "./layers.ts";
import { noSuchSetting } from "./named-setting.ts";
import { settingRules } from "./rules.ts";
import { type Settings, settingsSchema } from "./schema.ts";

export interface ResolvedConfig {
  readonly settings: Settings;
  /** As written, defaults included; by key. Undefined where a setting has neither value nor default. */
  readonly written: ReadonlyMap<string, { readonly value: unknown; readonly origin: Origin }>;
  readonly files: FilePlaces | undefined;
  /** Odd, but nothing that keeps the daemon from running. */
  readonly warnings: readonly string[];
}

export interface ConfigSources {
  /** From `--config`. */
  readonly configFile?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly flags?: SettingFlags;
  /** In place of what the main file says. */
  readonly edit?: TreeEdit;
}

/** Errors: `BC_CONFIG`; each complaint names the key, where it was set, and what would do. */
export async function resolveConfig({
  configFile,
  env = process.env,
  flags,
  edit,
}: ConfigSources = {}): Promise<ResolvedConfig> {
  const given = configFile ?? env["BRANCHCACHE_CONFIG"];
  const files = filePlaces(given);
  const layers: Layer[] = [];
  if (files) layers.push(...(await fileLayers(files, { mustExist: given !== undefined, edit })));
  layers.push(environmentLayer(env));
  if (flags) layers.push(flagLayer(flags));
  return resolveLayers(layers, files);
}

export function resolveLayers(layers: readonly Layer[], files?: FilePlaces): ResolvedConfig {
  const tree: Record<string, unknown> = {};
  const origins = new Map<string, Origin>();
  const complaints: string[] = [];
  for (const layer of layers) {
    complaints.push(...unknownKeys(layer));
    for (const { key } of settingKeys) {
      const value = getAt(layer.tree, key);
      if (value === undefined) continue;
      setAt(tree, key, value);
      origins.set(key, layer.origin(key));
    }
  }
  const parsed = settingsSchema.safeParse(tree);
  if (!parsed.success) complaints.push(...parsed.error.issues.map((issue) => complaintOf(issue, origins)));
  const settings = parsed.data;
  if (settings) complaints.push(...settingRules.errors(settings));
  if (!settings || complaints.length > 0) {
    throw new BranchCacheError("BC_CONFIG", [...new Set(complaints)].join("\n"));
  }
  const written = new Map<string, { value: unknown; origin: Origin }>();
  for (const { key, fallback } of settingKeys) {
    const value = getAt(tree, key) ?? fallback;
    written.set(key, { value, origin: origins.get(key) ?? { kind: "default" } });
  }
  return { settings, written, files, warnings: settingRules.warnings(settings) };
}

function complaintOf(issue: z.core.$ZodIssue, origins: ReadonlyMap<string, Origin>): string {
  // A fault in an item of a list is reported for the setting as a whole.
  const names = issue.path.map(String);
  let length = names.length;
  while (length > 1 && !findSetting(names.slice(0, length).join("."))) length--;
  const key = names.slice(0, length).join(".");
  const inside = names.slice(length).map((name) => (/^\d+$/.test(name) ? `[${name}]` : `.${name}`));
  const origin = origins.get(key);
  const from = origin ? ` (from ${originText(origin)})` : "";
  return `${key}${inside.join("")}: ${issue.message}${from}`;
}

function unknownKeys(layer: Layer): string[] {
  const found: string[] = [];
  const walk = (tree: Readonly<Record<string, unknown>>, path: readonly string[]) => {
    for (const [name, value] of Object.entries(tree)) {
      const key = [...path, name].join(".");
      if (findSetting(key)) continue;
      const from = `(from ${originText(layer.origin(key))})`;
      if (keysBelow(key).length === 0) {
        found.push(`${noSuchSetting(key)} ${from}`);
      } else if (isTree(value)) walk(value, [...path, name]);
      else found.push(`${key}: is a section and must be an object ${from}`);
    }
  };
  walk(layer.tree, []);
  return found;
}
