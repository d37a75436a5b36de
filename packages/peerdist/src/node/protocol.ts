/**
 * The service behind the daemon's socket: frames of MessagePack, one connection for each instance.
 *
 * 1. caller: `hello` with protocol 2; daemon: `hello`, with a nonce where it takes proofs.
 * 2. caller: `identify`, after it has left the nonce in a file if it can; daemon: `status`, `identified`.
 * 3. caller: `call` as often as it likes; daemon: `returned` for each, in order. `completed` for each operation
 *    and `status` for each change come in between, as they happen.
 * 4. caller: `close`; daemon: `completed` for all that was pending, `closed`. Or either just goes away.
 *
 * What was read is the data of the frame of its `completed`; `bytes` of a call are that of its frame, or stand in it.
 */
import { BranchCacheError } from "@branchcache/runtime";
import type { OperationCompletion, ServiceCall, ServiceReturn, StatusReport } from "../service/calls.ts";
import { TRANSFER_MAX_BYTES } from "../service/calls.ts";
import { CONTENT_IDENTIFIER_MAX_BYTES, CONTENT_TAG_BYTES } from "../win32/constants.ts";

/** Of `hello`; 1 is the protocol of `connectBranchCache`. */
export const PEERDIST_PROTOCOL = 2;

export type Request =
  | { readonly op: "hello"; readonly protocol: typeof PEERDIST_PROTOCOL }
  | { readonly op: "identify"; readonly proof: boolean }
  | { readonly op: "call"; readonly id: number; readonly call: ServiceCall }
  | { readonly op: "close" };

export type Answer =
  | { readonly op: "hello"; readonly protocol: number; readonly nonce?: string }
  | { readonly op: "identified"; readonly proved: boolean }
  | { readonly op: "status"; readonly report: StatusReport }
  | ({ readonly op: "returned"; readonly id: number } & ServiceReturn)
  | ({ readonly op: "completed" } & OperationCompletion)
  | { readonly op: "closed" }
  | { readonly op: "error"; readonly code: string; readonly message: string };

type Check = (value: unknown) => boolean;

const count: Check = (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const flag: Check = (value) => typeof value === "boolean";
function bytes(min: number, max: number): Check {
  return (value) => value instanceof Uint8Array && value.length >= min && value.length <= max;
}
const identifier = bytes(1, CONTENT_IDENTIFIER_MAX_BYTES);
const tag = bytes(CONTENT_TAG_BYTES, CONTENT_TAG_BYTES);
const data = bytes(1, TRANSFER_MAX_BYTES);
const versions: Check = (value) => {
  if (value === undefined) return true;
  const { min, max } = (value ?? {}) as Partial<Record<string, unknown>>;
  return count(min) && count(max);
};
const read = { handle: count, operation: count, offsetBytes: count, maxBytes: count, timeoutMs: count };

const FIELDS: Readonly<Record<ServiceCall["method"], Readonly<Record<string, Check>>>> = {
  publishStream: { identifier, lengthBytes: count },
  addToStream: { handle: count, operation: count, bytes: data, moreBytes: count, continued: flag },
  completeStream: { handle: count, operation: count },
  unpublish: { identifier },
  openContentInformation: { identifier, offsetBytes: count, lengthBytes: count, versions },
  retrieveContentInformation: { handle: count, operation: count, maxBytes: count },
  openContent: { tag },
  addContentInformation: { handle: count, operation: count, bytes: data },
  completeContentInformation: { handle: count, operation: count },
  addData: { handle: count, operation: count, offsetBytes: count, bytes: data },
  blockRead: read,
  streamRead: read,
  clientInformation: { handle: count },
  close: { handle: count },
  flush: { tag, operation: count },
  cancel: { operation: count },
};

const CHECKS = new Map<unknown, readonly (readonly [string, Check])[]>(
  Object.entries(FIELDS).map(([method, fields]) => [method, Object.entries(fields)]),
);

/** A message, and the data of its frame. Throws `BC_API_FRAME` for anything that is no request. */
export function checkRequest(message: unknown, data?: Uint8Array): Request {
  const request = (message ?? {}) as Partial<Record<string, unknown>>;
  const good =
    (request["op"] === "call" && count(request["id"]) && isCall(request["call"], data)) ||
    request["op"] === "close" ||
    (request["op"] === "identify" && flag(request["proof"]));
  if (!good) throw new BranchCacheError("BC_API_FRAME", "a message that is no request");
  return request as unknown as Request;
}

function isCall(value: unknown, data: Uint8Array | undefined): value is ServiceCall {
  const call = (value ?? {}) as Partial<Record<string, unknown>>;
  if (data && typeof value === "object" && value !== null) call["bytes"] = data;
  const checks = CHECKS.get(call["method"]);
  return checks?.every(([name, check]) => check(call[name])) ?? false;
}
