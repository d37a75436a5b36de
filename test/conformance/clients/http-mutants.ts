/** Clients of content servers with one thing wrong, and the check that has to tell. */
import { BranchCacheError } from "@branchcache/runtime";
import type { Asked } from "../support/mutant.ts";
import type { Mutant } from "./mutant.ts";
import type { Mutation } from "./test-client.ts";

const CODING = "accept-encoding";
const PARAMETERS = "x-p2p-peerdist";
const EXTENDED = "x-p2p-peerdistex";
type Fields = Readonly<Record<string, string>>;

const isOffer = (asked: Asked["headers"]) => asked[CODING]?.includes("peerdist") === true;
const onOffers = (changed: Fields) => (asked: Asked["headers"]) => (isOffer(asked) ? changed : {});
const onMissingData = (changed: Fields) => (asked: Asked["headers"]) => (isOffer(asked) ? {} : changed);

/** Takes whatever the origin sends for what the Content Information speaks of. */
const credulous: NonNullable<Mutation["branchCache"]> = (real) => ({
  async open(information, options) {
    const reader = await real.open(information, options);
    return {
      range: reader.range,
      blockAt: (offset) => reader.blockAt(offset),
      pieces: () => reader.pieces(),
      explain: () => reader.explain(),
      close: () => reader.close(),
      [Symbol.asyncDispose]: () => reader.close(),
      async add(offset, bytes) {
        const added = await reader.add(offset, bytes);
        return added === "mismatch" ? "not-kept" : added;
      },
    };
  },
  close: () => real.close(),
});

export const HTTP_MUTANTS: readonly Mutant[] = [
  {
    name: "does not offer the coding",
    caught: "offers-peerdist",
    mutation: { fields: () => ({ [CODING]: "gzip" }) },
  },
  {
    name: "writes a space into its version",
    caught: "coding-version",
    mutation: { fields: onOffers({ [PARAMETERS]: "Version=1 .1" }) },
  },
  {
    name: "leaves X-P2P-PeerDistEx out",
    caught: "content-information-versions",
    mutation: { fields: onOffers({ [EXTENDED]: "" }) },
  },
  {
    name: "wants version 2.0 and no other",
    caught: "content-information-versions",
    mutation: {
      fields: onOffers({ [EXTENDED]: "MinContentInformation=2.0, MaxContentInformation=2.0" }),
    },
  },
  {
    name: "sends a hash request at once",
    caught: "no-hash-request-unasked",
    mutation: {
      fields: onOffers({
        [EXTENDED]: "MinContentInformation=1.0, MaxContentInformation=2.0, HashRequest=true",
      }),
    },
  },
  {
    name: "marks its first request as one for missing data",
    caught: "no-missing-data-at-first",
    mutation: { fields: onOffers({ [PARAMETERS]: "Version=1.1, MissingDataRequest=true" }) },
  },
  {
    name: "does not mark requests for missing data",
    caught: "missing-data",
    mutation: { fields: onMissingData({ [PARAMETERS]: "Version=1.1" }) },
  },
  {
    name: "offers the coding for missing data",
    caught: "missing-data-without-coding",
    mutation: { fields: onMissingData({ [CODING]: "peerdist" }) },
  },
  {
    name: "does not guard requests for missing data",
    caught: "missing-data-guarded",
    mutation: { fields: onMissingData({ "if-range": "" }) },
  },
  {
    name: "takes from the origin what peers have",
    caught: "missing-data-only",
    mutation: { node: { mode: "local" } },
  },
  {
    name: "sends no hash request",
    caught: "hash-request",
    mutation: {
      origin: (real) => ({
        ...real,
        async open(url, options) {
          const answer = await real.open(url, options);
          return answer.kind === "content" ? { ...answer, makeHashRequest: false } : answer;
        },
      }),
    },
  },
  {
    name: "sends hash requests until there are hashes",
    caught: "hash-request-once",
    mutation: {
      origin: (real) => ({
        ...real,
        async open(url, options) {
          const ask = () => real.open(url, options);
          let answer = await ask();
          for (let i = 0; i < 2 && options?.hashRequest && answer.kind === "content"; i++) {
            answer.discard();
            answer = await ask();
          }
          return answer;
        },
      }),
    },
  },
  {
    name: "does not read Content Information 1.0",
    caught: "content-information-v1",
    mutation: {
      branchCache: (real) => ({
        async open(bytes, options) {
          if (bytes[1] === 1) throw new BranchCacheError("BC_DECODE_VALUE", "an old version");
          return real.open(bytes, options);
        },
        close: () => real.close(),
      }),
    },
  },
  {
    name: "fails over Content Information that it cannot use",
    caught: "unusable-content-information",
    mutation: {
      branchCache: (real) => ({
        open: (bytes, options) =>
          real.open(bytes, options).catch(() => {
            throw new Error("unusable");
          }),
        close: () => real.close(),
      }),
    },
  },
  {
    name: "takes any answer of the origin for content",
    caught: "error-of-origin",
    mutation: {
      origin: (real) => ({
        ...real,
        open: (url, options) =>
          real.open(url, options).catch(() => ({
            kind: "content",
            body: nothing(),
            lengthBytes: 0,
            validator: {},
            makeHashRequest: false,
            finalUrl: url,
            headers: {},
            discard() {},
          })),
      }),
    },
  },
  {
    name: "mixes versions of the content",
    caught: "changed-content",
    mutation: {
      branchCache: credulous,
      origin: (real) => ({
        ...real,
        async range(url, range, validator, options) {
          const answer = await real.range(url, range, validator, options);
          if (answer.kind === "range") return answer;
          // A filling of the right length.
          const response = await fetch(url, { headers: { "Accept-Encoding": "identity" } });
          const bytes = new Uint8Array(await response.arrayBuffer());
          const filled = new Uint8Array(range.endBytes - range.startBytes);
          filled.set(bytes.subarray(range.startBytes, range.endBytes).subarray(0, filled.length));
          return { kind: "range", body: once(filled), discard() {} };
        },
      }),
    },
  },
  {
    name: "does not verify what the origin sends",
    caught: "bytes-of-origin-verified",
    mutation: { branchCache: credulous },
  },
];

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
