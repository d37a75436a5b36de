import { expect, it } from "vitest";
import { stress } from "./support/stress.ts";
import { transports } from "./support/transports.ts";

it.each(transports.map((transport) => ({ ...transport, transport })))(
  "API-7 API-22 API-24 1,500 random calls, $name: every operation completes once, nothing is left",
  async ({ transport }) => {
    const { accepted, outcomes } = await stress(transport, 1_500, 1);
    expect(accepted).toBeGreaterThan(300);
    for (const error of [0, 995, 4052, 4053]) expect([...outcomes.keys()]).toContain(error);
  },
  60_000,
);
