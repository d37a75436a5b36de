/** The profile against our own client, and against clients with one thing wrong. */
import { systemClock } from "@branchcache/runtime/node";
import { describe, expect, it } from "vitest";
import { runProfile } from "../../src/kit/run.ts";
import { retrievalClient } from "../../src/profiles/retrieval-client/profile.ts";
import { resultText } from "../../src/report/text.ts";
import { RETRIEVAL_MUTANTS } from "./retrieval-mutants.ts";
import { testClient } from "./test-client.ts";

const run = async (target: Parameters<typeof retrievalClient.control>[0], only?: readonly string[]) => {
  const options = { targetName: "a client", seed: 1, version: "0.0.0", clock: systemClock };
  return runProfile(retrievalClient, target, { ...options, ...(only && { only }) });
};

describe("the profile retrieval-client", () => {
  it("passes whole against our own client", { timeout: 120_000 }, async () => {
    await using client = await testClient();
    const report = await run(client.target);
    expect(report.results.filter(({ outcome }) => outcome !== "pass").map(resultText)).toEqual([]);
  });

  it.each(RETRIEVAL_MUTANTS)("catches a client that $name", { timeout: 60_000 }, async ({ caught, mutation }) => {
    await using client = await testClient(mutation);
    const report = await run(client.target, [caught]);
    expect(report.results.map(({ id, outcome }) => [id, outcome])).toEqual([[caught, "fail"]]);
  });

  it("lets no client pass that asks no peers", async () => {
    await using client = await testClient({ node: { mode: "local" } });
    await expect(run(client.target, ["wrong-bytes"])).rejects.toMatchObject({ code: "BC_CONFORMANCE_CONTROL" });
  });
});
