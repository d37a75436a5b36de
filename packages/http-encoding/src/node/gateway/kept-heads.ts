/** Heads of answers whose content is hashed: what is asked of the origin next time, and its 304 made whole. */
import { setNewest } from "@branchcache/runtime";
import { fieldText, type HeaderFields } from "../../http-fields.ts";
import { isStrongEtag, representationValidator } from "../../server/validator.ts";

export interface KeptHead {
  readonly validator: string;
  readonly sizeBytes: number;
  /** Of the representation, none of a user or a connection. */
  readonly fields: Readonly<Record<string, string>>;
}

/** Fields of others may be meant for one user. */
const REPRESENTATION_FIELDS = [
  "Accept-Ranges",
  "Cache-Control",
  "Content-Disposition",
  "Content-Language",
  "Content-Location",
  "Content-Type",
  "ETag",
  "Expires",
  "Last-Modified",
  "Vary",
  "X-Content-Type-Options",
];
const MAX_FIELD_LENGTH = 2_048;

/**
 * The validator that may key a publication at a gateway. Undefined where the ETag is weak: the origin says
 * itself that the bytes may differ. Last-Modified is held against the origin's own clock. RFC 9110 8.8
 */
export function strongValidator(headers: HeaderFields, nowMs: number): string | undefined {
  const etag = fieldText(headers, "etag");
  if (etag !== undefined && !isStrongEtag(etag)) return undefined;
  const date = Date.parse(fieldText(headers, "date") ?? "");
  return representationValidator(headers, Number.isNaN(date) ? nowMs : Math.min(date, nowMs));
}

/** The condition under which the origin's 304 vouches for this content; undefined if there is none. */
export function conditionFor(head: KeptHead): Readonly<Record<string, string>> | undefined {
  const etag = head.fields["ETag"];
  if (etag !== undefined) return { "If-None-Match": etag };
  const lastModified = head.fields["Last-Modified"];
  return lastModified === undefined ? undefined : { "If-Modified-Since": lastModified };
}

/** Whether a 304 to our condition speaks of this content, and not of something weakly equal. */
export function vouches(head: KeptHead, headers: HeaderFields): boolean {
  for (const name of ["ETag", "Last-Modified"]) {
    const seen = fieldText(headers, name.toLowerCase());
    const known = head.fields[name];
    if (seen !== undefined && known !== undefined && seen !== known) return false;
    if (name === "ETag" && seen !== undefined && known === undefined) return false;
  }
  return true;
}

export interface KeptHeads {
  get(key: string): KeptHead | undefined;
  set(key: string, head: KeptHead): void;
}

/** The ones used last, at most `limit`. */
export function keptHeads(limit: number): KeptHeads {
  const heads = new Map<string, KeptHead>();
  return {
    get(key) {
      const head = heads.get(key);
      if (head) setNewest(heads, key, head, limit);
      return head;
    },
    set(key, head) {
      setNewest(heads, key, head, limit);
    },
  };
}

/** Undefined where the head is too large to be worth it. */
export function headOf(validator: string, sizeBytes: number, headers: HeaderFields): KeptHead | undefined {
  const fields: Record<string, string> = {};
  for (const name of REPRESENTATION_FIELDS) {
    const value = fieldText(headers, name.toLowerCase());
    if (value === undefined) continue;
    if (value.length > MAX_FIELD_LENGTH) return undefined;
    fields[name] = value;
  }
  return { validator, sizeBytes, fields };
}
