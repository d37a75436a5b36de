/**
 * The daemon's local interface, one connection for each content:
 *
 * 1. caller: `hello`; daemon: `hello` with its version, or `error`.
 * 2. caller: the Content Information in `content` frames, then `open`; daemon: `opened`.
 * 3. caller: `next` with the number of pieces it wants, some ahead; daemon: as many of `piece` or `end`, in order.
 *    Before that, daemon: `missing` with ranges that nobody in the branch gives, as soon as it knows; their pieces
 *    follow in their turn.
 *    At any time, caller: `add` with a block from the origin; daemon: `added` for each, in order.
 *    Caller: `explain` from a segment on; daemon: `explanation`, some segments at a time.
 * 4. either closes the connection.
 *
 * `bytes` of a message are the data of its frame; those of a request may stand in the message as well.
 * `hello` with another number starts another protocol, where the daemon has one.
 */
import type { ContentRange } from "@branchcache/content-info";
import { BranchCacheError } from "@branchcache/runtime";
import type { ContentPiece, Explanation } from "../branch-cache.ts";

export const PROTOCOL_VERSION = 1;

/** 64 MiB describe some 60 GiB of content. */
export const CONTENT_INFORMATION_MAX_BYTES = 64 * 1024 * 1024;

/** Pieces asked for in one `next`. */
export const PIECES_AT_ONCE = 64;

/** Segments in one `explanation`, so that it fits into a frame. */
export const EXPLAINED_AT_ONCE = 500;

export type Request =
  | { readonly op: "hello"; readonly protocol: number }
  | { readonly op: "content"; readonly bytes: Uint8Array }
  | { readonly op: "open"; readonly name?: string }
  | { readonly op: "next"; readonly count: number }
  | { readonly op: "add"; readonly offsetBytes: number; readonly bytes: Uint8Array }
  | { readonly op: "explain"; readonly from: number };

export type Answer =
  | { readonly op: "hello"; readonly protocol: number; readonly mode: string }
  | { readonly op: "opened" }
  | { readonly op: "piece"; readonly piece: MissingPiece }
  /** With data: one block. */
  | { readonly op: "piece"; readonly piece: Omit<DataPiece, "bytes"> }
  | { readonly op: "missing"; readonly ranges: readonly ContentRange[] }
  | { readonly op: "end" }
  | { readonly op: "added"; readonly result: "kept" | "not-kept" | "mismatch" }
  | { readonly op: "explanation"; readonly explanation: Explanation; readonly segmentCount: number }
  | { readonly op: "error"; readonly code: string; readonly message: string };

type DataPiece = Extract<ContentPiece, { kind: "data" }>;
type MissingPiece = Extract<ContentPiece, { kind: "missing" }>;

/** What callers call their content is shown to administrators: it must not fill their screens. */
const NAME_MAX_LENGTH = 1_024;

function isShortText(value: unknown): boolean {
  return typeof value === "string" && value.length <= NAME_MAX_LENGTH;
}

/** A message, and the data of its frame. Throws `BC_API_FRAME` for anything that is no request. */
export function checkRequest(message: unknown, data?: Uint8Array): Request {
  const request = message as Partial<Record<string, unknown>> | null;
  if (data && typeof request === "object" && request !== null) request["bytes"] = data;
  const ok =
    typeof request === "object" &&
    request !== null &&
    ((request["op"] === "hello" && typeof request["protocol"] === "number") ||
      (request["op"] === "content" && request["bytes"] instanceof Uint8Array) ||
      (request["op"] === "open" && (request["name"] === undefined || isShortText(request["name"]))) ||
      (request["op"] === "next" && isPieceCount(request["count"])) ||
      (request["op"] === "explain" && Number.isSafeInteger(request["from"])) ||
      (request["op"] === "add" &&
        Number.isSafeInteger(request["offsetBytes"]) &&
        request["bytes"] instanceof Uint8Array));
  if (!ok) throw new BranchCacheError("BC_API_FRAME", "a message that is no request");
  return request as Request;
}

function isPieceCount(count: unknown): boolean {
  return Number.isSafeInteger(count) && Number(count) >= 1 && Number(count) <= PIECES_AT_ONCE;
}
