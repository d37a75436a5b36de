import { expect, it } from "vitest";
import { commonMajor, SUPPORTED } from "../src/index.ts";

const range = (min: string, max: string) => {
  const of = (text: string) => ({ major: Number(text.split(".")[0]), minor: Number(text.split(".")[1]) });
  return { min: of(min), max: of(max) };
};

it.each([
  ["1.0", "1.0", 1],
  ["1.0", "2.0", 2],
  ["2.0", "2.0", 2],
  ["1.7", "9.3", 2],
  ["0.0", "1.9", 1],
  ["0.0", "0.9", undefined],
  ["3.0", "4.0", undefined],
])("PCCRR-88 PCCRR-89 with %s to %s the common major version is %s", (min, max, major) => {
  expect(commonMajor(SUPPORTED, range(min, max))).toBe(major);
});
