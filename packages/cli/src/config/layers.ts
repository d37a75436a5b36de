/** Where settings come from, least important first: defaults, file, drop-ins, environment, command line. */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BranchCacheError, errorCode, errorMessage } from "@branchcache/runtime";
import { defaultPaths } from "../files/paths.ts";
import { readTyped, settingKeys } from "./keys.ts";

export type Origin =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "environment"; readonly variable: string }
  | { readonly kind: "flag"; readonly flag: string }
  /** About to be written into the main file, if all settings together are valid. */
  | { readonly kind: "edit" };

/** Settings given as options, by key: each as it would be written in a file, and the option that it came by. */
export type SettingFlags = ReadonlyMap<string, { readonly flag: string; readonly value: unknown }>;

/** The main file as it would be, and the keys that are new or changed in it. */
export interface TreeEdit {
  readonly tree: Layer["tree"];
  readonly keys: ReadonlySet<string>;
}

/** The settings from one place. */
export interface Layer {
  /** Nested as in a file: `{ peer: { listen_port: 1337 } }`. */
  readonly tree: Readonly<Record<string, unknown>>;
  /** Where one of its keys was set. */
  origin(key: string): Origin;
}

export function originText(origin: Origin): string {
  switch (origin.kind) {
    case "default":
      return "default";
    case "file":
      return origin.path;
    case "environment":
      return `environment ${origin.variable}`;
    case "flag":
      return `flag ${origin.flag}`;
    case "edit":
      return "the command line";
  }
}

export interface FilePlaces {
  /** The main file; it need not be there. */
  readonly file: string;
  /** Directory of drop-ins, read in the order of their names. */
  readonly dropIns: string;
}

/**
 * `given`: from `--config` or `BRANCHCACHE_CONFIG`; undefined for the platform's place, empty for no file at all.
 */
export function filePlaces(given: string | undefined): FilePlaces | undefined {
  if (given === "") return undefined;
  const file = given ?? defaultPaths().configFile;
  return { file, dropIns: join(dirname(file), "branchcache.d") };
}

/**
 * Errors: `BC_CONFIG` with the file, and where in it. `mustExist`: the main file was asked for by name.
 * `edit`: in place of what that says.
 */
export async function fileLayers(
  places: FilePlaces,
  { mustExist, edit }: { readonly mustExist: boolean; readonly edit?: TreeEdit | undefined },
): Promise<readonly Layer[]> {
  const layers: Layer[] = [];
  const main = edit?.tree ?? (await readTree(places.file, mustExist));
  if (main) layers.push(fileLayer(places.file, main, edit?.keys));
  for (const name of await dropInNames(places.dropIns)) {
    const path = join(places.dropIns, name);
    const tree = await readTree(path, false);
    if (tree) layers.push(fileLayer(path, tree));
  }
  return layers;
}

function fileLayer(path: string, tree: Layer["tree"], edited?: ReadonlySet<string>): Layer {
  return { tree, origin: (key) => (edited?.has(key) ? { kind: "edit" } : { kind: "file", path }) };
}

async function dropInNames(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory))
      .filter((name) => name.endsWith(".json") && !name.startsWith("."))
      .sort();
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return [];
    throw new BranchCacheError("BC_CONFIG", `cannot read ${directory}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** The tree in a file; undefined where there is no file and none is needed. */
export async function readTree(
  path: string,
  mustExist: boolean,
): Promise<Record<string, unknown> | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT" && !mustExist) return undefined;
    const cure = errorCode(error) === "EACCES" ? "; --config names another file" : "";
    const message = `cannot read ${path}: ${errorMessage(error)}${cure}`;
    throw new BranchCacheError("BC_CONFIG", message, { cause: error });
  }
  const found = parseTree(path, text);
  // Editors want it; it is no setting.
  const { $schema: _, ...tree } = found;
  return tree;
}

function parseTree(path: string, text: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const reason = errorMessage(error);
    throw new BranchCacheError("BC_CONFIG", `${path} is no JSON: ${reason}${placeText(reason, text)}`, {
      cause: error,
    });
  }
  if (!isTree(parsed)) throw new BranchCacheError("BC_CONFIG", `${path} must hold one JSON object`);
  return parsed;
}

/** Node.js 20 gives the position alone, later ones the line too. */
function placeText(reason: string, text: string): string {
  const position = /at position (\d+)$/.exec(reason)?.[1];
  if (position === undefined) return "";
  const lines = text.slice(0, Number(position)).split("\n");
  return ` (line ${lines.length} column ${(lines.at(-1)?.length ?? 0) + 1})`;
}

export function environmentLayer(env: Readonly<Record<string, string | undefined>>): Layer {
  const tree: Record<string, unknown> = {};
  const variables = new Map<string, string>();
  for (const setting of settingKeys) {
    const text = env[setting.variable];
    if (text === undefined) continue;
    setAt(tree, setting.key, readTyped(setting, text));
    variables.set(setting.key, setting.variable);
  }
  return {
    tree,
    origin: (key) => ({ kind: "environment", variable: variables.get(key) ?? "BRANCHCACHE_…" }),
  };
}

export function flagLayer(flags: SettingFlags): Layer {
  const tree: Record<string, unknown> = {};
  for (const [key, { value }] of flags) setAt(tree, key, value);
  return { tree, origin: (key) => ({ kind: "flag", flag: flags.get(key)?.flag ?? "--set" }) };
}

export function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function getAt(tree: unknown, key: string): unknown {
  return key
    .split(".")
    .reduce<unknown>((at, name) => (isTree(at) && Object.hasOwn(at, name) ? at[name] : undefined), tree);
}

export function setAt(tree: Record<string, unknown>, key: string, value: unknown): void {
  const names = key.split(".");
  const last = names.pop() ?? key;
  let at = tree;
  for (const name of names) {
    const next = Object.hasOwn(at, name) ? at[name] : undefined;
    if (isTree(next)) at = next;
    else {
      const made: Record<string, unknown> = {};
      at[name] = made;
      at = made;
    }
  }
  at[last] = value;
}
