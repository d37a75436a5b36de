/** The profile against our own client, and against clients with one thing wrong. */
import { hostedClient, resultText } from "@branchcache/conformance";
import { concatBytes } from "@branchcache/runtime";
import { describe, expect, it } from "vitest";
import { type Asked, changed } from "../support/mutant.ts";
import { run } from "../support/outcomes.ts";
import type { Mutant } from "./mutant.ts";
import { testClient } from "./test-client.ts";

const isOffer = ({ path }: Asked) => path.startsWith("/0131501b");

/** Changes offers, and leaves questions about segments alone. */
const offering =
  (change: Parameters<typeof changed>[1]) =>
  (asked: Asked): Asked =>
    isOffer(asked) ? { ...asked, body: changed(asked.body, change) } : asked;

const HEAD_BYTES = 16;

const MUTANTS: readonly Mutant[] = [
  {
    name: "writes the major byte first",
    caught: "offer-message",
    mutation: { hosted: offering((view) => view.setUint16(0, 0x0200)) },
  },
  {
    name: "sends offers of version 1.0 without TLS",
    caught: "offer-message",
    mutation: { hosted: offering((view) => view.setUint16(2, 1)) },
  },
  {
    name: "writes the size of a segment little-endian",
    caught: "descriptors",
    mutation: {
      hosted: offering((view) => view.setUint32(HEAD_BYTES + 4, view.getUint32(HEAD_BYTES + 4), true)),
    },
  },
  {
    name: "sends no content tag",
    caught: "descriptors",
    mutation: { hosted: offering((view) => view.setUint16(HEAD_BYTES + 8, 0)) },
  },
  {
    name: "names another algorithm",
    caught: "descriptors",
    mutation: { hosted: offering((view) => view.setUint8(HEAD_BYTES + 26, 2)) },
  },
  {
    name: "announces a port where it does not listen",
    caught: "serves-what-it-offers",
    mutation: { hosted: offering((view) => view.setUint16(8, 1)) },
  },
  {
    name: "puts more than 128 segments into an offer",
    caught: "at-most-128",
    mutation: {
      hosted: (asked) => {
        const descriptors = asked.body.subarray(HEAD_BYTES);
        const whole = isOffer(asked) ? concatBytes(asked.body, descriptors) : asked.body;
        return {
          ...asked,
          headers: { ...asked.headers, "content-length": String(whole.length) },
          body: whole,
        };
      },
    },
  },
];

describe("the profile hosted-client", () => {
  it("passes whole against our own client", { timeout: 120_000 }, async () => {
    await using client = await testClient({ hosted: (asked) => asked });
    const report = await run(hostedClient, client.target);
    expect(report.results.filter(({ outcome }) => outcome !== "pass").map(resultText)).toEqual([]);
  });

  it.each(MUTANTS)("catches a client that $name", { timeout: 60_000 }, async ({ caught, mutation }) => {
    await using client = await testClient(mutation);
    const report = await run(hostedClient, client.target, [caught]);
    expect(report.results.map(({ id, outcome }) => [id, outcome])).toEqual([[caught, "fail"]]);
  });
});
