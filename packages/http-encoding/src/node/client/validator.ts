import { fieldText, type HeaderFields } from "../../http-fields.ts";
import { isStrongEtag } from "../../server/validator.ts";

/** What a content server said of a representation; later answers must not contradict it. */
export interface Validator {
  /** A strong entity tag, in its quotes. */
  readonly etag?: string;
  /** The date as the server wrote it. */
  readonly lastModified?: string;
  /** Of all of the content. */
  readonly sizeBytes?: number;
}

export function validatorOf(headers: HeaderFields, sizeBytes: number | undefined): Validator {
  const etag = fieldText(headers, "etag");
  const lastModified = fieldText(headers, "last-modified");
  return {
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { lastModified }),
    ...(sizeBytes !== undefined && { sizeBytes }),
  };
}

/** The value of If-Range: never a weak ETag. RFC 9110 13.1.5 */
export function ifRange(validator: Validator): string | undefined {
  const { etag, lastModified } = validator;
  return etag !== undefined && isStrongEtag(etag) ? etag : lastModified;
}

/** `agree` needs something in common; `unknown` where there is nothing to compare but perhaps the size. */
export function compareValidators(known: Validator, seen: Validator): "agree" | "differ" | "unknown" {
  if (known.sizeBytes !== undefined && seen.sizeBytes !== undefined && known.sizeBytes !== seen.sizeBytes) {
    return "differ";
  }
  for (const field of ["etag", "lastModified"] as const) {
    if (known[field] === undefined || seen[field] === undefined) continue;
    return known[field] === seen[field] ? "agree" : "differ";
  }
  return "unknown";
}
