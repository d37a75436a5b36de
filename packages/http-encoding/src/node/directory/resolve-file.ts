/** From a request's target to an open file under the root, and to nothing else. */
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open, readlink, realpath } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { errorCode } from "@branchcache/runtime";

export type PathReading =
  | { readonly kind: "path"; readonly segments: readonly string[] }
  | { readonly kind: "refused"; readonly status: 400 | 404 };

/**
 * The decoded segments of an origin-form or absolute-form target (RFC 9112 3.2). Malformed escapes and NUL
 * are 400. Dotfiles, `..`, separators hidden in escapes and empty segments do not exist: 404.
 */
export function readPath(target: string): PathReading {
  const origin = /^https?:\/\/[^/?#]{0,512}/i.exec(target);
  const path = (origin ? target.slice(origin[0].length) : target).split(/[?#]/, 1)[0] ?? "";
  if (!path.startsWith("/")) return { kind: "refused", status: 400 };
  const segments: string[] = [];
  for (const encoded of path.slice(1).split("/")) {
    const segment = decodeSegment(encoded);
    if (segment === undefined || segment.includes("\0")) return { kind: "refused", status: 400 };
    if (segment === "" || segment.startsWith(".") || hasSeparator(segment)) {
      return { kind: "refused", status: 404 };
    }
    segments.push(segment);
  }
  return { kind: "path", segments };
}

export type FileReading =
  | { readonly kind: "file"; readonly handle: FileHandle; readonly path: string; readonly stats: BigIntStats }
  | { readonly kind: "refused"; readonly status: 403 | 404 };

/** What the file system says when a name leads to nothing. */
const NOT_FOUND = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "EISDIR", "EINVAL"]);

/**
 * Opens the file; the caller closes the handle. Links are followed as far as they stay under the root and
 * lead to no dotfile. Only regular files are opened; a FIFO does not block.
 */
export async function openUnder(root: string, segments: readonly string[]): Promise<FileReading> {
  try {
    const realRoot = await realpath(root);
    const path = await realpath(join(realRoot, ...segments));
    if (!isVisibleUnder(realRoot, path)) return { kind: "refused", status: 404 };
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat({ bigint: true });
      if (stats.isFile() && (await isStillThere(handle, realRoot, path))) {
        return { kind: "file", handle, path, stats };
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return { kind: "refused", status: 404 };
  } catch (error) {
    const code = errorCode(error) ?? "";
    if (NOT_FOUND.has(code)) return { kind: "refused", status: 404 };
    if (code === "EACCES" || code === "EPERM") return { kind: "refused", status: 403 };
    throw error;
  }
}

function decodeSegment(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/** On Windows also the backslash, drives and alternate streams. */
function hasSeparator(segment: string): boolean {
  return segment.includes("/") || (sep === "\\" && /[\\:]/.test(segment));
}

function isVisibleUnder(realRoot: string, path: string): boolean {
  const way = relative(realRoot, path);
  // On Windows, the way to another drive is absolute.
  return !isAbsolute(way) && way.split(sep).every((part) => part !== "" && !part.startsWith("."));
}

/** A directory on the way may have become a link since it was looked at: Linux tells what was opened. */
async function isStillThere(handle: FileHandle, realRoot: string, path: string): Promise<boolean> {
  if (process.platform !== "linux") return true;
  const opened = await readlink(`/proc/self/fd/${handle.fd}`).catch(() => path);
  return isVisibleUnder(realRoot, opened);
}
