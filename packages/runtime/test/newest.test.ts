import { describe, expect, it } from "vitest";
import { setNewest } from "../src/index.ts";

describe("setNewest", () => {
  it.each([
    ["a new key, with room", "c", 3, undefined, ["a", "b", "c"]],
    ["a new key, without", "c", 2, "a", ["b", "c"]],
    ["a known key, which becomes the newest", "a", 2, undefined, ["b", "a"]],
    ["nothing is to be kept", "c", 0, "a", ["b", "c"]],
  ])("%s", (_, key, maxEntries, gone, keys) => {
    const map = new Map([
      ["a", 1],
      ["b", 2],
    ]);
    expect(setNewest(map, key, 3, maxEntries)).toBe(gone);
    expect([...map.keys()]).toEqual(keys);
    expect(map.get(key)).toBe(3);
  });
});
