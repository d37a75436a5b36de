import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
  formatShare,
} from "../../src/terminal/units.ts";

describe("units as people read them", () => {
  it.each([
    [formatBytes(0), "0 B"],
    [formatBytes(1_536), "1.5 KiB"],
    [formatBytes(3 * 2 ** 30), "3 GiB"],
    [formatRate(2 ** 20, 500), "2 MiB/s"],
    [formatRate(5, 0), "-"],
    [formatDuration(1_234), "1.23s"],
    [formatDuration(200_000), "3m 20s"],
    [formatCount(1, "block"), "1 block"],
    [formatCount(0, "segment"), "0 segments"],
    [formatShare(1, 8), "12.5 %"],
    [formatShare(0, 0), "-"],
  ])("%s", (shown, expected) => {
    expect(shown).toBe(expected);
  });
});
