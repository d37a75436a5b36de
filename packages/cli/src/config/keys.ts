/** The settings one by one, by their dotted key. */
import { z } from "zod";
import { notesOf, type SettingNotes } from "./declare.ts";
import { settingsSchema } from "./schema.ts";

export interface SettingKey extends SettingNotes {
  /** `peer.listen_port`. */
  readonly key: string;
  readonly schema: z.ZodType;
  /** As it is written in a file; undefined where there is none. */
  readonly fallback: unknown;
  /** `BRANCHCACHE_PEER_LISTEN_PORT`. */
  readonly variable: string;
}

export const settingKeys: readonly SettingKey[] = [...leaves(settingsSchema, [])];

const byKey = new Map(settingKeys.map((one) => [one.key, one]));

export function findSetting(key: string): SettingKey | undefined {
  return byKey.get(key);
}

/** Keys that begin with this one and a dot: a section such as `peer`. */
export function keysBelow(section: string): readonly SettingKey[] {
  return settingKeys.filter(({ key }) => key.startsWith(`${section}.`));
}

function* leaves(schema: z.ZodType, path: readonly string[]): Generator<SettingKey, void, undefined> {
  const notes = notesOf(schema);
  if (notes) {
    const key = path.join(".");
    const fallback = schema instanceof z.ZodPrefault ? schema.def.defaultValue : undefined;
    yield { ...notes, key, schema, fallback, variable: variableOf(key) };
    return;
  }
  const inner = schema instanceof z.ZodPrefault ? (schema.def.innerType as z.ZodType) : schema;
  if (!(inner instanceof z.ZodObject)) throw new Error(`${path.join(".")} is declared without notes`);
  for (const [name, child] of Object.entries(inner.shape)) yield* leaves(child as z.ZodType, [...path, name]);
}

function variableOf(key: string): string {
  return `BRANCHCACHE_${key.replaceAll(".", "_").toUpperCase()}`;
}

/**
 * What was typed, as it would be written in a file: numbers, booleans and lists where the setting wants them.
 * A list may be written with commas.
 */
export function readTyped({ schema }: SettingKey, text: string): unknown {
  if (schema.safeParse(text).success) return text;
  const parsed = parseJson(text);
  if (parsed !== undefined && schema.safeParse(parsed).success) return parsed;
  const list = text === "" ? [] : text.split(",").map((item) => item.trim());
  for (const attempt of [list, list.map((item) => parseJson(item) ?? item)]) {
    if (schema.safeParse(attempt).success) return attempt;
  }
  return parsed ?? text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
