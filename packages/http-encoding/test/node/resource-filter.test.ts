import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matches } from "../../src/node/resource-filter.ts";

describe("matches", () => {
  it.each([
    ["/a", "/a", true],
    ["/a", "/ab", false],
    ["*", "", true],
    ["/a/*", "/a/b/c", true],
    ["*.wim", "/x/boot.wim", true],
    ["*.wim", "/x/boot.wimx", false],
    ["/a*b*c", "/aXbYc", true],
    ["/a*b*c", "/aXcYb", false],
    ["ab*bc", "abc", false],
    ["*a*a*", "a", false],
    ["*a*a*", "aa", true],
  ])("%s against %s: %s", (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  it("agrees with the regular expression", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
    fc.assert(
      fc.property(letters, letters, (pattern, text) => {
        const plain = text.replaceAll("*", "a");
        expect(matches(pattern, plain)).toBe(new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(plain));
      }),
    );
  });
});
