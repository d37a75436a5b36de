import { requireNumber, requireOneOf } from "@branchcache/runtime";
import { describe, expect, it } from "vitest";

describe("requireNumber", () => {
  it.each([
    [undefined, 1, 5],
    [1, 1, 5],
    [5, 1, 5],
    [Number.POSITIVE_INFINITY, 1, undefined],
  ])("takes %s from %d to %s", (value, least, most) => {
    expect(() => requireNumber("window", value, least, most)).not.toThrow();
  });

  it.each([
    [Number.NaN, 1, undefined, "window has to be a number at least 1, not NaN"],
    [-3, 1, undefined, "window has to be a number at least 1, not -3"],
    [6, 1, 5, "window has to be a number from 1 to 5, not 6"],
  ])("refuses %d, and says which option it is", (value, least, most, message) => {
    expect(() => requireNumber("window", value, least, most)).toThrow(
      expect.objectContaining({ code: "BC_INVALID_ARGUMENT", message }),
    );
  });
});

describe("requireOneOf", () => {
  it("takes what is listed, and nothing at all", () => {
    expect(() => requireOneOf("version", 2, [1, 2])).not.toThrow();
    expect(() => requireOneOf("version", undefined, [1, 2])).not.toThrow();
  });

  it("refuses the rest, and says what there is", () => {
    const message = "version has to be one of 1, 2, not 3";
    expect(() => requireOneOf("version", 3, [1, 2])).toThrow(
      expect.objectContaining({ code: "BC_INVALID_ARGUMENT", message }),
    );
  });
});
