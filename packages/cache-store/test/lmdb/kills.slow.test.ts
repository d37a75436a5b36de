import { seededRandom } from "@branchcache/runtime/testing";
import { expect, it } from "vitest";
import { slowRuns } from "../../../../test/support/slow.ts";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { killRound } from "../helpers/kill-round.ts";

it("survives 200 kills in mid-write", async () => {
  const path = await temporaryDirectory();
  const random = seededRandom(6);
  const rounds = slowRuns(200);
  let acknowledged = 0;
  for (let round = 0; round < rounds; round++) acknowledged += await killRound(path, round, random);
  expect(acknowledged).toBeGreaterThan(rounds);
});
