import { seededRandom } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { killRound } from "../helpers/kill-round.ts";
import { temporaryDirectory } from "../helpers/temporary.ts";

it("survives 200 kills in mid-write", async () => {
  const path = await temporaryDirectory();
  const random = seededRandom(6);
  let acknowledged = 0;
  for (let round = 0; round < 200; round++) acknowledged += await killRound(path, round, random);
  expect(acknowledged).toBeGreaterThan(200);
});
