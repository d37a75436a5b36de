/** The profile against our own client, and against clients with one thing wrong. */

import { resultText, retrievalClient } from "@branchcache/conformance";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { run } from "../support/outcomes.ts";
import type { Mutant } from "./mutant.ts";
import { RETRIEVAL_MUTANTS } from "./retrieval-mutants.ts";
import { testClient } from "./test-client.ts";

const belief = vi.hoisted(() => ({ blind: false }));
vi.mock("@branchcache/content-info", async (original) => {
  const real = await original<typeof import("@branchcache/content-info")>();
  const verifyBlock: typeof real.verifyBlock = (...args) => belief.blind || real.verifyBlock(...args);
  return { ...real, verifyBlock };
});

describe("the profile retrieval-client", () => {
  it("passes whole against our own client", { timeout: 300_000 }, async () => {
    await using client = await testClient();
    const report = await run(retrievalClient, client.target);
    expect(report.results.filter(({ outcome }) => outcome !== "pass").map(resultText)).toEqual([]);
  });

  const catches = async ({ caught, mutation }: Mutant) => {
    await using client = await testClient(mutation);
    const report = await run(retrievalClient, client.target, [caught]);
    expect(report.results.map(({ id, outcome }) => [id, outcome])).toEqual([[caught, "fail"]]);
  };
  const [credulous, careful] = [true, false].map((wanted) =>
    RETRIEVAL_MUTANTS.filter(({ mutation }) => (mutation.credulous ?? false) === wanted),
  );

  it.concurrent.each(careful ?? [])("catches a client that $name", { timeout: 60_000 }, catches);

  it.each(credulous ?? [])("catches a client that $name", { timeout: 300_000 }, async (mutant) => {
    belief.blind = true;
    onTestFinished(() => {
      belief.blind = false;
    });
    await catches(mutant);
  });

  it("lets no client pass that asks no peers", async () => {
    await using client = await testClient({ node: { mode: "local" } });
    await expect(run(retrievalClient, client.target, ["wrong-bytes"])).rejects.toMatchObject({
      code: "BC_CONFORMANCE_UNREACHABLE",
    });
  });
});
