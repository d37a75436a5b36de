/** The lane finds what it is there to find: targets with a fault behind four bytes, which chance meets in years. */
import { expect, it } from "vitest";
import { runTarget } from "./lib/run-target.mjs";

const planted = new URL("./planted/faults.mjs", import.meta.url).href;

it.each([
  { name: "throws", text: "TypeError: planted" },
  { name: "throws-later", text: "TypeError: planted, and thrown" },
  { name: "hangs", text: "no end within" },
  { name: "takes-memory", text: "bytes of memory taken" },
  { name: "takes-steps", text: "steps for" },
])("a target that $name is found out, with its input", async ({ name, text }) => {
  const how = { seconds: 0, runs: 200_000, seed: 7, keep: false, hangMs: 3_000, stopAtFault: true };
  const { faults } = await runTarget(name, planted, how);
  expect(faults.map((fault) => fault.text)).toEqual([expect.stringContaining(text)]);
  expect(Buffer.from(faults[0]?.bytes.subarray(0, 4) ?? []).toString()).toBe("Key!");
});
