/** HTTP's own header fields, as far as the coding has to read them. Nothing here throws. RFC 9110 */
import type { ContentRange } from "@branchcache/content-info";

/** Header fields as Node.js gives them: names in lower case, repeated fields as lists. */
export type HeaderFields = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** The field's value, lists joined with a comma. `name` in lower case. */
export function fieldText(headers: HeaderFields, name: string): string | undefined {
  const value = headers[name];
  if (value === undefined) return undefined;
  return typeof value === "object" ? value.join(", ") : String(value);
}

/**
 * Codings in lower case with their q-value from 0 to 1. RFC 9110 12.5.3
 * A coding with a malformed weight counts as refused, one listed twice has its lower weight.
 */
export function parseAcceptEncoding(text: string): ReadonlyMap<string, number> {
  const codings = new Map<string, number>();
  for (const element of text.split(",")) {
    const [name = "", ...params] = element.split(";").map((part) => part.trim().toLowerCase());
    if (name === "") continue;
    let weight = 1;
    for (const param of params) {
      const at = param.indexOf("=");
      if (at < 0 || param.slice(0, at).trim() !== "q") continue;
      const value = param.slice(at + 1).trim();
      weight = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value) ? Number(value) : 0;
    }
    codings.set(name, Math.min(weight, codings.get(name) ?? 1));
  }
  return codings;
}

/** The codings applied, in lower case and in the order they were applied, without `identity`. RFC 9110 8.4 */
export function parseContentEncoding(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
}

export interface ContentRangeField {
  /** Up to, but not including, `endBytes`. */
  readonly startBytes: number;
  readonly endBytes: number;
  /** Undefined where the field says `*`. */
  readonly totalBytes: number | undefined;
}

/** One satisfied byte range. RFC 9110 14.4. Undefined for other units, `bytes * /n` and contradictions. */
export function parseContentRange(text: string): ContentRangeField | undefined {
  const match = /^\s{0,8}bytes\s{1,8}(\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)\s{0,8}$/i.exec(text);
  if (!match) return undefined;
  const startBytes = Number(match[1]);
  const endBytes = Number(match[2]) + 1;
  const totalBytes = match[3] === "*" ? undefined : Number(match[3]);
  const sane =
    Number.isSafeInteger(endBytes) &&
    startBytes < endBytes &&
    (totalBytes === undefined || (Number.isSafeInteger(totalBytes) && endBytes <= totalBytes));
  return sane ? { startBytes, endBytes, totalBytes } : undefined;
}

/** The one range of bytes that Range asks of content of this size. RFC 9110 14.2. Undefined for anything else. */
export function satisfiedRange(text: string, sizeBytes: number): ContentRange | undefined {
  const match = /^\s{0,8}bytes\s{0,8}=\s{0,8}(\d{0,16})\s{0,8}-\s{0,8}(\d{0,16})\s{0,8}$/i.exec(text);
  const [, first = "", last = ""] = match ?? [];
  if (!match || (first === "" && last === "")) return undefined;
  const range =
    first === ""
      ? { startBytes: Math.max(sizeBytes - Number(last), 0), endBytes: sizeBytes }
      : {
          startBytes: Number(first),
          endBytes: last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes),
        };
  if (last !== "" && first !== "" && Number(last) < Number(first)) return undefined;
  return range.startBytes < range.endBytes ? range : undefined;
}

/** A whole number of octets; undefined if it is none, or over 2^53 - 1. */
export function readLength(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,32}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
