import { expect, it } from "vitest";
import { slowRuns } from "../../../test/support/slow.ts";
import { stress } from "./support/stress.ts";
import { transports } from "./support/transports.ts";

it.each(transports.map((transport) => ({ ...transport, transport })))(
  "API-7 API-22 API-24 100,000 random calls, $name",
  async ({ transport }) => {
    const calls = slowRuns(100_000);
    for (let seed = 1; seed <= 10; seed++) {
      const { accepted, completed } = await stress(transport, Math.ceil(calls / 10), seed);
      expect(completed).toBe(accepted);
    }
  },
);
