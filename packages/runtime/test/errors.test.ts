import { describe, expect, it } from "vitest";
import { BranchCacheError, DecodeError, EncodeError, errorCode, errorMessage } from "../src/index.ts";

describe("errors", () => {
  it("carry a stable code, a name and their cause", () => {
    const cause = new Error("inner");
    const error = new BranchCacheError("BC_HTTP_CONNECT", "no answer", { cause });
    expect(error).toMatchObject({
      code: "BC_HTTP_CONNECT",
      name: "BranchCacheError",
      message: "no answer",
      cause,
    });
    expect("cause" in new BranchCacheError("BC_HTTP_CONNECT", "no answer")).toBe(false);
  });

  it.each([
    ["segments[3].secret", "Info.segments[3].secret at byte 48: 32 bytes needed"],
    ["", "Info at byte 48: 32 bytes needed"],
  ])("DecodeError names structure, field %j and offset", (path, message) => {
    const error = new DecodeError("BC_DECODE_TRUNCATED", "32 bytes needed", {
      structure: "Info",
      path,
      offsetBytes: 48,
    });
    expect(error).toMatchObject({ name: "DecodeError", message, reason: "32 bytes needed", offsetBytes: 48 });
  });

  it("EncodeError names structure and field", () => {
    expect(new EncodeError("Info", "count", "-1 is no u8").message).toBe("Info.count: -1 is no u8");
    expect(new EncodeError("Info", "", "-1 is no u8").message).toBe("Info: -1 is no u8");
  });

  it.each<readonly [string, unknown, string | undefined, string]>([
    ["ours", new BranchCacheError("BC_X", "text"), "BC_X", "text"],
    ["Node's", Object.assign(new Error("refused"), { code: "ECONNREFUSED" }), "ECONNREFUSED", "refused"],
    ["a plain one", new Error("plain"), undefined, "plain"],
    ["a number for a code", { code: 5 }, undefined, "[object Object]"],
    ["a string", "text", undefined, "text"],
    ["nothing", undefined, undefined, "undefined"],
    ["null", null, undefined, "null"],
  ])("code and message of %s", (_, thrown, code, message) => {
    expect(errorCode(thrown)).toBe(code);
    expect(errorMessage(thrown)).toBe(message);
  });
});
