/**
 * What travels over the socket for administration: frames as on the socket for callers.
 *
 * 1. caller: `hello` with the token, if it may read that; daemon: `hello` with the rights that this gives.
 * 2. caller: requests, each with a number; daemon: for each an `answer`, an `error`, or `item`s until the caller
 *    closes the connection or the `answer` ends them.
 */
import { BranchCacheError } from "@branchcache/runtime";

export const CONTROL_VERSION = 1;

export type Rights = "read" | "full";

export type ControlRequest =
  | { readonly op: "hello"; readonly protocol: number; readonly token?: string }
  | { readonly op: "request"; readonly id: number; readonly method: string; readonly params?: unknown };

export type ControlAnswer =
  | { readonly op: "hello"; readonly protocol: number; readonly rights: Rights }
  | { readonly op: "answer"; readonly id: number; readonly result: unknown }
  | { readonly op: "item"; readonly id: number; readonly item: unknown }
  | { readonly op: "error"; readonly id: number; readonly code: string; readonly message: string };

/** Throws `BC_CONTROL_FRAME` for anything that is no request. */
export function checkControlRequest(message: unknown): ControlRequest {
  const request = (typeof message === "object" && message !== null ? message : {}) as Partial<
    Record<string, unknown>
  >;
  const isHello =
    request["op"] === "hello" &&
    typeof request["protocol"] === "number" &&
    ["undefined", "string"].includes(typeof request["token"]);
  const isRequest =
    request["op"] === "request" &&
    Number.isSafeInteger(request["id"]) &&
    typeof request["method"] === "string";
  if (!isHello && !isRequest) throw new BranchCacheError("BC_CONTROL_FRAME", "a message that is no request");
  return message as ControlRequest;
}
