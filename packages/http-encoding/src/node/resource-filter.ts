/** Which resources are worth the coding, by path, type and size. */
import { fieldText, type HeaderFields } from "../http-fields.ts";

/**
 * Which resources are coded: those that match an include pattern, if there are any, and no exclude pattern.
 * `Cache-Control: no-store` rules an answer out in any case.
 */
export interface ResourceFilterOptions {
  /** Patterns of paths without query, `*` for any characters: `/images/*`, `*.wim`. Default all. */
  readonly includePaths?: readonly string[];
  /** As `includePaths`, and stronger. Default none. */
  readonly excludePaths?: readonly string[];
  /** Patterns of media types without parameters: `video/*`. Default all. */
  readonly includeTypes?: readonly string[];
  /** As `includeTypes`, and stronger. Default none. */
  readonly excludeTypes?: readonly string[];
  /** Smaller resources are sent as they are: they are there before peers are found. Default 131,072. */
  readonly minSizeBytes?: number;
}

export interface ResourceFilter {
  readonly minSizeBytes: number;
  /** `target`: path and query as they stand in the request. */
  path(target: string): boolean;
  /** `sizeBytes`: of all of the content. */
  answer(sizeBytes: number, headers: HeaderFields): boolean;
}

export function resourceFilter(options: ResourceFilterOptions): ResourceFilter {
  const path = matcher(options.includePaths, options.excludePaths);
  const type = matcher(options.includeTypes?.map(lower), options.excludeTypes?.map(lower));
  const minSizeBytes = options.minSizeBytes ?? 131_072;
  const takesAllPaths = (options.includePaths ?? []).length + (options.excludePaths ?? []).length === 0;
  return {
    minSizeBytes,
    path: (target) => takesAllPaths || path(decoded(target.split("?", 1)[0] ?? "")),
    answer(sizeBytes, headers) {
      // What must not be stored is not for peers to keep either.
      if (/\bno-store\b/i.test(fieldText(headers, "cache-control") ?? "")) return false;
      return sizeBytes >= minSizeBytes && type(mediaType(fieldText(headers, "content-type") ?? ""));
    },
  };
}

/** Without parameters, in lower case. */
function mediaType(contentType: string): string {
  return lower(contentType.split(";", 1)[0] ?? "").trim();
}

function matcher(
  include: readonly string[] = [],
  exclude: readonly string[] = [],
): (text: string) => boolean {
  return (text) =>
    (include.length === 0 || include.some((pattern) => matches(pattern, text))) &&
    !exclude.some((pattern) => matches(pattern, text));
}

/** Without a regular expression, whose work could run away. */
export function matches(pattern: string, text: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return pattern === text;
  if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
  let at = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - tail.length;
}

const lower = (text: string): string => text.toLowerCase();

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
