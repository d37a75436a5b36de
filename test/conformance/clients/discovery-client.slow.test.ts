/** The profile against our own client, and against clients with one thing wrong. */

import { discoveryClient, resultText } from "@branchcache/conformance";
import { describe, expect, it } from "vitest";
import { run } from "../support/outcomes.ts";
import { DISCOVERY_MUTANTS } from "./discovery-mutants.ts";
import { testClient } from "./test-client.ts";

describe("the profile discovery-client", () => {
  it("passes whole against our own client", { timeout: 300_000 }, async () => {
    // A repeat surely fits: it comes after 250 ms at most, and an answer to it may take 65 ms.
    await using client = await testClient({ node: { discovery: { waitMs: 400 } } });
    const report = await run(discoveryClient, client.target);
    expect(report.results.filter(({ outcome }) => outcome !== "pass").map(resultText)).toEqual([]);
  });

  it.concurrent.each(DISCOVERY_MUTANTS)(
    "catches a client that $name",
    { timeout: 60_000 },
    async ({ caught, mutation }) => {
      await using client = await testClient(mutation);
      const report = await run(discoveryClient, client.target, [caught]);
      expect(report.results.map(({ id, outcome }) => [id, outcome])).toEqual([[caught, "fail"]]);
    },
  );
});
