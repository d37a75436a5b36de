/**
 * How a setting is declared: one zod schema with its help, its default and what a change of it takes. Types,
 * validation, the published JSON Schema, `config` commands and the reference of the documentation follow from it.
 */
import { addressRanges } from "@branchcache/runtime/node";
import { z } from "zod";
import { parseDuration, parseListen, parseSize } from "../options/option-values.ts";

export interface SettingNotes {
  /** One sentence for the administrator. */
  readonly help: string;
  /** What a change takes: `live` while the daemon runs on, `restart` of the daemon. */
  readonly takes: "live" | "restart";
  /** What Windows calls it: a cmdlet with its parameter, a registry value or a policy. */
  readonly windows?: string;
  /** The default depends on the platform and the user. */
  readonly byPlatform?: true;
  /** Its value is never shown. */
  readonly isSecret?: true;
}

const registry = z.registry<SettingNotes>();

/** Puts the notes on a schema: always the outermost call of a declaration. */
export function setting<Schema extends z.ZodType>(schema: Schema, notes: SettingNotes): Schema {
  const described = schema.describe(notes.help) as Schema;
  registry.add(described, notes);
  return described;
}

export function notesOf(schema: z.ZodType): SettingNotes | undefined {
  return registry.get(schema);
}

/** `300ms`, `2s`, `28d`; milliseconds once it is read. */
export function duration({ minMs = 0, maxMs = 2 ** 32 * 86_400_000 } = {}) {
  return readText(
    "a time such as 300ms, 2s or 28d",
    /^\d+(?:\.\d+)?\s*(?:ms|s|m|h|d)$/,
    parseDuration,
  ).refine((ms) => ms >= minMs && ms <= maxMs, `must be a time from ${minMs} ms to ${maxMs} ms`);
}

/** `20GiB`, `64KiB` or a number of bytes; bytes once it is read. */
export function size() {
  const text = readText("a size such as 64KiB, 10GB or 4096", /^\d+(?:\.\d+)?\s*[A-Za-z]*$/, parseSize);
  return z.union([z.int().nonnegative(), text], { error: "must be a size such as 64KiB, 10GB or 4096" });
}

/** `8080`, `127.0.0.1:8080` or `[::1]:8080`. */
export function listenAddress() {
  const text = readText("a port or address such as 8080, 127.0.0.1:8080 or [::1]:8080", /\d$/, parseListen);
  return text;
}

export function port({ min = 0 } = {}) {
  return z.int(`must be a port from ${min} to 65535`).min(min).max(65_535);
}

export function count({ min = 1, max = 2 ** 32 - 1 } = {}) {
  return z.int("must be a whole number").min(min).max(max);
}

export function percent() {
  return z.number("must be a percentage above 0, at most 100").gt(0).lte(100);
}

/** An absolute path. */
export function path() {
  return z
    .string("must be a path")
    .refine((text) => /^(?:\/|[A-Za-z]:[\\/]|\\\\)/.test(text), "must be an absolute path");
}

/** `192.0.2.0/24`, `2001:db8::/32` or a single address. */
export function addressRange() {
  const wrong = "must be an address range such as 192.0.2.0/24";
  return z.string(wrong).refine((text) => {
    try {
      addressRanges([text]);
      return true;
    } catch {
      return false;
    }
  }, wrong);
}

export function choice<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, `must be one of ${values.join(", ")}`);
}

export function onOff() {
  return z.boolean("must be true or false");
}

function readText<Value>(what: string, pattern: RegExp, parse: (text: string) => Value) {
  const wrong = `must be ${what}`;
  return z
    .string(wrong)
    .regex(pattern, wrong)
    .transform((text, context): Value => {
      try {
        return parse(text);
      } catch {
        context.addIssue({ code: "custom", message: wrong });
        return z.NEVER;
      }
    });
}
