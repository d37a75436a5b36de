import { fieldText, type HeaderFields } from "../http-fields.ts";

/**
 * What names exactly these bytes: the strong ETag, else Last-Modified together with the weak ETag, if any.
 * Last-Modified counts only once its second is over (RFC 9110 8.8.2.2): until then the content may change
 * and keep it; nor among representations that are chosen by request fields, which may be of the same age.
 * Undefined if nothing does.
 */
export function representationValidator(headers: HeaderFields, nowMs: number): string | undefined {
  const etag = fieldText(headers, "etag");
  if (etag !== undefined && isStrongEtag(etag)) return etag;
  if (isSelected(headers)) return undefined;
  const lastModified = fieldText(headers, "last-modified");
  const modifiedMs = lastModified === undefined ? Number.NaN : Date.parse(lastModified);
  if (Number.isNaN(modifiedMs) || nowMs - modifiedMs < 1_000) return undefined;
  return etag === undefined ? lastModified : `${etag} ${lastModified}`;
}

/** By other request fields than those that leave the bytes alone. RFC 9110 12.5.5 */
function isSelected(headers: HeaderFields): boolean {
  return (fieldText(headers, "vary") ?? "")
    .split(",")
    .some((name) => !HARMLESS_IN_VARY.has(name.trim().toLowerCase()));
}

/** Codings are looked at apart; Origin chooses among header fields; the others are ours. */
const HARMLESS_IN_VARY = new Set(["", "accept-encoding", "origin", "x-p2p-peerdist", "x-p2p-peerdistex"]);

/** A quoted string without the `W/`. RFC 9110 8.8.3 */
export function isStrongEtag(etag: string): boolean {
  return /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag);
}
