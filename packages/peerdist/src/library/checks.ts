/** Parameters, before anything else is looked at: what fails here is ERROR_INVALID_PARAMETER. */

import { CompletionPort } from "../win32/completion-port.ts";
import {
  CONTENT_IDENTIFIER_MAX_BYTES,
  CONTENT_TAG_BYTES,
  DEFAULT_READ_TIMEOUT_MS,
  PEERDIST_READ_TIMEOUT_DEFAULT,
  PEERDIST_RETRIEVAL_OPTIONS_SIZE,
  PEERDIST_STATUS_INFO_SIZE,
} from "../win32/constants.ts";
import { Overlapped } from "../win32/overlapped.ts";
import type {
  PEERDIST_CONTENT_TAG,
  PEERDIST_PUBLICATION_OPTIONS,
  PEERDIST_RETRIEVAL_OPTIONS,
  PEERDIST_STATUS_INFO,
} from "../win32/types.ts";
import { isPending } from "./pending.ts";

const U32_MAX = 0xffff_ffff;
const U64_MAX = 2n ** 64n - 1n;

export function isU32(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= U32_MAX;
}

/** As a number; more than a number holds exactly becomes the largest one, which lies past every content. */
export function u64(value: unknown): number | undefined {
  if (typeof value === "number" && !Number.isSafeInteger(value)) return undefined;
  if (typeof value !== "bigint" && typeof value !== "number") return undefined;
  const exact = BigInt(value);
  if (exact < 0n || exact > U64_MAX) return undefined;
  return Number(exact > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : exact);
}

export function isOut(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** Null and undefined are no port; anything else has to be one. */
export function isPort(value: unknown): value is CompletionPort | null | undefined {
  return value === null || value === undefined || value instanceof CompletionPort;
}

/** One that no pending operation has. */
export function isFree(value: unknown): value is Overlapped {
  return value instanceof Overlapped && !isPending(value) && isU32(value.Offset) && isU32(value.OffsetHigh);
}

/** A copy of the first `count` bytes. */
export function identifierOf(count: unknown, bytes: unknown): Uint8Array | undefined {
  if (!isU32(count) || count < 1 || count > CONTENT_IDENTIFIER_MAX_BYTES) return undefined;
  return bytes instanceof Uint8Array && bytes.length >= count ? bytes.slice(0, count) : undefined;
}

/** A view of the first `count` bytes. */
export function bufferOf(count: unknown, bytes: unknown): Uint8Array | undefined {
  if (!isU32(count) || count < 1) return undefined;
  if (!(bytes instanceof Uint8Array) || bytes.length < count) return undefined;
  return bytes.length === count ? bytes : bytes.subarray(0, count);
}

/** As `bufferOf`; no bytes, with or without a buffer, are a probe. */
export function readBufferOf(count: unknown, bytes: unknown): Uint8Array | undefined {
  return count === 0 ? new Uint8Array(0) : bufferOf(count, bytes);
}

export function tagOf(tag: PEERDIST_CONTENT_TAG | null | undefined): Uint8Array | undefined {
  const data = tag?.Data;
  return data instanceof Uint8Array && data.length === CONTENT_TAG_BYTES ? data.slice() : undefined;
}

export function timeoutOf(value: unknown): number | undefined {
  if (!isU32(value) || value > PEERDIST_READ_TIMEOUT_DEFAULT) return undefined;
  return value === PEERDIST_READ_TIMEOUT_DEFAULT ? DEFAULT_READ_TIMEOUT_MS : value;
}

export function arePublicationOptions(options: PEERDIST_PUBLICATION_OPTIONS | null | undefined): boolean {
  if (options === null || options === undefined) return true;
  return (options.dwVersion === 1 || options.dwVersion === 2) && options.dwFlags === 0;
}

export function retrievalVersions(
  options: PEERDIST_RETRIEVAL_OPTIONS | null | undefined,
): { readonly min: number; readonly max: number } | undefined {
  if (options?.cbSize !== PEERDIST_RETRIEVAL_OPTIONS_SIZE || options.dwReserved !== 0) return undefined;
  const { dwContentInfoMinVersion: min, dwContentInfoMaxVersion: max } = options;
  return isU32(min) && isU32(max) && min >= 1 && min <= max ? { min, max } : undefined;
}

export function isStatusInfo(info: PEERDIST_STATUS_INFO | null | undefined): info is PEERDIST_STATUS_INFO {
  return info?.cbSize === PEERDIST_STATUS_INFO_SIZE;
}
