/** The profile against our own client, and against clients with one thing wrong. */

import { httpClient, resultText } from "@branchcache/conformance";
import { describe, expect, it } from "vitest";
import { run } from "../support/outcomes.ts";
import { HTTP_MUTANTS } from "./http-mutants.ts";
import { testClient } from "./test-client.ts";

describe("the profile http-client", () => {
  it("passes whole against our own client", { timeout: 300_000 }, async () => {
    await using client = await testClient();
    const report = await run(httpClient, client.target);
    expect(report.results.filter(({ outcome }) => outcome !== "pass").map(resultText)).toEqual([]);
  });

  it.concurrent.each(HTTP_MUTANTS)(
    "catches a client that $name",
    { timeout: 60_000 },
    async ({ caught, mutation }) => {
      await using client = await testClient(mutation);
      const report = await run(httpClient, client.target, [caught]);
      expect(report.results.map(({ id, outcome }) => [id, outcome])).toEqual([[caught, "fail"]]);
    },
  );
});
