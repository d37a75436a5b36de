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
/** Start and end of RequestID in MSG_GETSEGLIST; in MSG_SEGLIST behind Size, too. */
const REQUEST_ID = [HEAD_BYTES, HEAD_BYTES + 16] as const;
/** Of MSG_GETSEGLIST, behind RequestID, the count of identifiers, and the length of the first. */
const FIRST_SEGMENT_AT = HEAD_BYTES + 16 + 4 + 4;

/** Changes questions about segments, and leaves the rest alone. */
const asking =
  (change: Parameters<typeof changed>[1]) =>
  (asked: Asked): Asked =>
    !isOffer(asked) && asked.body[7] === 6 ? { ...asked, body: changed(asked.body, change) } : asked;

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
  {
    name: "asks for a segment that the content does not have",
    caught: "segment-list-questions",
    mutation: { hosted: asking((view) => view.setUint32(FIRST_SEGMENT_AT, 7)) },
  },
  {
    name: "gives every question about segments the same RequestID",
    caught: "segment-list-questions",
    mutation: {
      async hostedInstead(asked, real) {
        const answered = await real(asking((_, body) => body.fill(7, ...REQUEST_ID))(asked));
        if (answered.body[11] !== 7) return answered;
        // The client takes the answer for that to its own question.
        const [start, end] = REQUEST_ID;
        const body = changed(answered.body, (_, copy) =>
          copy.set(asked.body.subarray(start, end), start + 4),
        );
        return { ...answered, body };
      },
    },
  },
  {
    name: "counts more segments than its question has",
    caught: "segment-list-questions",
    mutation: {
      async hostedInstead(asked, real) {
        // The right question comes after it, so that the client goes on asking.
        await real(asking((view) => view.setUint32(REQUEST_ID[1], 500))(asked));
        return real(asked);
      },
    },
  },
];

const isInfo = ({ body }: Asked) => body.length > HEAD_BYTES && body[3] === 2;
const INFORMATION_AT = HEAD_BYTES + 16;

/** Changes SEGMENT_INFO alone; an offset from the start of its Content Information. */
const inInformation = (change: Parameters<typeof changed>[1]) => ({
  change: (asked: Asked): Asked => (isInfo(asked) ? { ...asked, body: changed(asked.body, change) } : asked),
});
let tags = 0;

const FIRST_VERSION_MUTANTS: readonly Mutant[] = [
  {
    name: "writes the major byte first in INITIAL_OFFER",
    caught: "initial-offer",
    mutation: {
      hostedFirst: {
        change: (asked) => ({ ...asked, body: changed(asked.body, (view) => view.setUint16(0, 0x0100)) }),
      },
    },
  },
  {
    name: "offers a segment under another identifier",
    caught: "initial-offer",
    mutation: {
      hostedFirst: {
        change: (asked) => ({
          ...asked,
          body: isInfo(asked) ? asked.body : changed(asked.body, (view) => view.setUint32(HEAD_BYTES, 7)),
        }),
      },
    },
  },
  {
    name: "keeps the hashes to itself though the cache is interested",
    caught: "hashes-on-interest",
    mutation: {
      hostedFirst: {
        change: (asked) =>
          isInfo(asked) ? { ...asked, body: changed(asked.body, (view) => view.setUint16(2, 1)) } : asked,
      },
    },
  },
  {
    name: "sends the hashes that nobody asked for",
    caught: "no-hashes-without-interest",
    mutation: {
      hostedFirst: {
        change: (asked) => ({ ...asked, body: changed(asked.body, (view) => view.setUint16(2, 2)) }),
      },
    },
  },
  {
    name: "leaves dwReadBytesInLastSegment as the origin had it",
    caught: "segment-information",
    mutation: { hostedFirst: inInformation((view) => view.setUint32(INFORMATION_AT + 10, 0)) },
  },
  {
    name: "writes cSegments big-endian",
    caught: "segment-information",
    mutation: { hostedFirst: inInformation((view) => view.setUint32(INFORMATION_AT + 14, 1)) },
  },
  {
    name: "changes a block hash",
    caught: "segment-information",
    mutation: { hostedFirst: inInformation((view) => view.setUint8(view.byteLength - 1, 1)) },
  },
  {
    name: "puts another tag into each message",
    caught: "one-tag",
    mutation: { hostedFirst: inInformation((view) => view.setUint32(HEAD_BYTES, ++tags)) },
  },
  {
    name: "names a port in SEGMENT_INFO where it does not listen",
    caught: "serves-what-it-describes",
    mutation: { hostedFirst: inInformation((view) => view.setUint16(8, 1)) },
  },
  {
    name: "sends an offer again and again that was answered 401",
    caught: "challenge",
    mutation: {
      hostedFirst: {
        async instead(asked, real) {
          let answered = await real(asked);
          for (let again = 0; again < 10 && answered.status === 401; again++) answered = await real(asked);
          return answered;
        },
      },
    },
  },
  {
    name: "has credentials, and gives an offer up that was answered 401",
    caught: "token-after-challenge",
    mutation: { hostedFirst: { expectsToken: true, withoutToken: true } },
  },
  {
    name: "answers 401 with a token and another offer",
    caught: "token-after-challenge",
    mutation: {
      hostedFirst: {
        expectsToken: true,
        change: (asked) =>
          asked.headers.authorization === undefined
            ? asked
            : { ...asked, body: changed(asked.body, (view) => view.setUint16(8, 1)) },
      },
    },
  },
  {
    name: "offers to whoever has any certificate",
    caught: "unknown-certificate",
    mutation: { hostedFirst: { trustsAnybody: true } },
  },
];

describe("the profile hosted-client", () => {
  it.each([
    { what: "offers of version 2.0", mutation: { hosted: (asked: Asked) => asked }, skips: /version 1\.0/ },
    {
      what: "offers of version 1.0",
      mutation: { hostedFirst: { expectsToken: true } },
      skips: /^no offer of version 2\.0 came/,
    },
  ])("passes whole against our own client, by $what", { timeout: 240_000 }, async ({ mutation, skips }) => {
    await using client = await testClient(mutation);
    const report = await run(hostedClient, client.target);
    const rest = report.results.filter(
      ({ expected, outcome }) => outcome !== "pass" && !(outcome === "skipped" && skips.test(expected)),
    );
    expect(rest.map(resultText)).toEqual([]);
    expect(report.results.filter(({ outcome }) => outcome === "pass").length).toBeGreaterThan(7);
  });

  it.each(FIRST_VERSION_MUTANTS)(
    "catches a client that $name",
    { timeout: 60_000 },
    async ({ caught, mutation }) => {
      await using client = await testClient(mutation);
      const report = await run(hostedClient, client.target, [caught]);
      expect(report.results.map(({ id, outcome }) => [id, outcome])).toEqual([[caught, "fail"]]);
    },
  );

  it.each(MUTANTS)("catches a client that $name", { timeout: 300_000 }, async ({ caught, mutation }) => {
    await using client = await testClient(mutation);
    const report = await run(hostedClient, client.target, [caught]);
    expect(report.results.map(({ id, outcome }) => [id, outcome])).toEqual([[caught, "fail"]]);
  });
});
