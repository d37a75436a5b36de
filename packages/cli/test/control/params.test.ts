import { expect, it } from "vitest";
import { z } from "zod";
import { readParams } from "../../src/control/params.ts";

const schema = z.strictObject({
  path: z.string(),
  limit: z.strictObject({ limitBytes: z.number().optional() }),
});

it("gives what the schema reads", () => {
  const params = { path: "/cache", limit: {} };
  expect(readParams(schema, params)).toEqual(params);
});

it.each([
  ["no object", 5, /expected object/],
  ["a missing one", { limit: {} }, /path: .*expected string/],
  ["one of another type, inside", { path: "/", limit: { limitBytes: "5" } }, /limit: limitBytes: .*number/],
  ["one too many", { path: "/", limit: {}, force: true }, /force/],
])("refuses %s by name", (_, params, message) => {
  expect(() => readParams(schema, params)).toThrow(
    expect.objectContaining({ code: "BC_INVALID_ARGUMENT", message: expect.stringMatching(message) }),
  );
});
