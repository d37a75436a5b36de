/** The profile of content servers: ours passes it whole, and with a fault fails where it should. */
import { contentServer } from "@branchcache/conformance";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampled } from "../support/slow.ts";
import { type Answered, type Asked, changed, type Fault, mutantOf } from "./support/mutant.ts";
import { failedIds, run } from "./support/outcomes.ts";
import { type OwnResource, ownResource } from "./support/resource.ts";

let own: OwnResource;
beforeAll(async () => {
  own = await ownResource();
});
afterAll(() => own[Symbol.asyncDispose]());

describe("our content server", () => {
  it("passes the whole profile", async () => {
    const report = await run(contentServer, own.target);
    expect(report.results.filter(({ outcome }) => outcome !== "pass")).toEqual([]);
    expect(report.results.length).toBeGreaterThan(43);
  });
});

const isCoded = ({ headers }: Answered) => headers["content-encoding"] === "peerdist";
const isSecond = ({ body }: Answered) => body[1] === 2;
/** Changes Content Information and what goes with it. */
const onCoded = (change: (answered: Answered, asked: Asked) => Partial<Answered>): Fault => ({
  answered: (answered, asked) => (isCoded(answered) ? { ...answered, ...change(answered, asked) } : answered),
});
const onField = (name: string, value: string | undefined): Fault =>
  onCoded(({ headers }) => ({ headers: { ...headers, [name]: value } }));
/** Changes bytes of Content Information of one version. */
const onBytes = (version: 1 | 2, change: (view: DataView, body: Uint8Array) => void): Fault =>
  onCoded((answered) =>
    isSecond(answered) === (version === 2) ? { body: changed(answered.body, change) } : {},
  );
/** The request as the server sees it. */
const hears = (
  change: (headers: Record<string, string>, asked: Asked) => Record<string, string | undefined>,
): Fault => ({
  asked(asked) {
    const headers = change(asked.headers as Record<string, string>, asked);
    return { ...asked, headers: { ...asked.headers, ...headers } };
  },
});
const withoutOffer = (when: (headers: Record<string, string>, asked: Asked) => boolean): Fault =>
  hears((headers, asked) =>
    when(headers, asked) ? { "accept-encoding": "identity", "x-p2p-peerdistex": "" } : {},
  );
/** Takes a request for an offer that is none. */
const withOffer = (when: (headers: Record<string, string>, asked: Asked) => boolean): Fault =>
  hears((headers, asked) =>
    when(headers, asked)
      ? { "accept-encoding": "peerdist", "x-p2p-peerdist": "Version=1.0", "x-p2p-peerdistex": undefined }
      : {},
  );

/** Everything that looks into Content Information 1.0, 2.0. */
const READS_FIRST = ["first-version", "highest-is-1.0", "no-ex-field", "first-version-with-ex"];
/** Everything that looks into version 2.0. */
const READS_SECOND = [
  "content-information",
  "content-information-2",
  "coding-in-any-case",
  "ex-in-any-shape",
  "hash-request",
  "hash-request-alone",
  "http-1.0",
  "range",
];
/** What looks at header fields of Content Information, and first whether it is some. */
const READS_FIELDS = [
  "coding-in-lower-case",
  "echoes-version",
  "no-hash-request-for-what-is-ready",
  "plain-length",
  "private",
  "response-version",
  "vary",
];
const READS_BOTH = ["hashes", "secrets", "segments"];
const READS_ALL = [
  ...[...READS_FIRST, ...READS_SECOND, ...READS_FIELDS, ...READS_BOTH],
  ...["missing-data-false", "version-in-any-shape"],
];

const peerDist = (headers: Record<string, string>) => headers["x-p2p-peerdist"] ?? "";
const ex = (headers: Record<string, string>) => headers["x-p2p-peerdistex"] ?? "";
const accept = (headers: Record<string, string>) => headers["accept-encoding"] ?? "";

const MUTANTS: readonly (readonly [name: string, fault: Fault, caughtBy: readonly string[]])[] = [
  // Content Information.
  [
    "sends a false hash of data in version 1.0",
    onBytes(1, (_, body) => flip(body, 18 + 16)),
    ["hashes", "secrets"],
  ],
  ["sends a false hash of a block", onBytes(1, (_, body) => flip(body, body.length - 1)), ["hashes"]],
  [
    "sends a false hash of data in version 2.0",
    onBytes(2, (_, body) => flip(body, 36 + 4)),
    ["hashes", "range", "secrets"],
  ],
  [
    "makes segment secrets of another key",
    onCoded(({ body }) => ({
      body: changed(body, (_, copy) => flip(copy, isSecond({ body } as Answered) ? 36 + 36 : 18 + 16 + 32)),
    })),
    ["secrets"],
  ],
  [
    "sends random bytes each time",
    (() => {
      let count = 0;
      return onCoded(({ body }) => ({
        body: changed(body, (_, copy) => {
          copy[copy.length - 1] = count++;
        }),
      }));
    })(),
    ["hashes", "same-again", "secrets"],
  ],
  [
    "sends version 2.0 to everybody",
    hears((headers) =>
      accept(headers) === "peerdist" && peerDist(headers) === "Version=1.0"
        ? {
            "x-p2p-peerdist": "Version=1.1",
            "x-p2p-peerdistex": "MinContentInformation=1.0, MaxContentInformation=2.0",
          }
        : {},
    ),
    ["first-version", "first-version-with-ex", "response-version"],
  ],
  [
    "sends version 2.0 although 1.0 is the highest",
    hears((headers) => ({
      "x-p2p-peerdistex": headers["x-p2p-peerdistex"]?.replace(
        "MaxContentInformation=1.0",
        "MaxContentInformation=2.0",
      ),
    })),
    ["highest-is-1.0"],
  ],
  [
    "sends version 2.0 without X-P2P-PeerDistEx",
    hears((headers) =>
      peerDist(headers) === "Version=1.1" && headers["x-p2p-peerdistex"] === undefined
        ? { "x-p2p-peerdistex": "MinContentInformation=1.0, MaxContentInformation=2.0" }
        : {},
    ),
    ["no-ex-field"],
  ],
  [
    "knows Content Information 1.0 alone",
    hears((headers) => ({
      "x-p2p-peerdistex": headers["x-p2p-peerdistex"]?.replace(
        "MaxContentInformation=2.0",
        "MaxContentInformation=1.0",
      ),
    })),
    ["content-information-2"],
  ],
  [
    "writes version 1.0 big-endian",
    onBytes(1, (view) => view.setUint16(0, 0x0100)),
    [
      ...READS_FIRST,
      ...["hashes", "missing-data-false", "response-version", "secrets", "segments", "version-in-any-shape"],
    ],
  ],
  [
    "sends Content Information without its last byte",
    onCoded(({ body }) => ({ body: body.subarray(0, -1) })),
    READS_ALL,
  ],
  [
    "lists segments of a wrong length",
    onBytes(2, (view) => view.setUint32(36, view.getUint32(36) - 1)),
    ["hashes", ...READS_SECOND],
  ],
  // Header fields.
  [
    "leaves X-P2P-PeerDist out",
    onField("x-p2p-peerdist", undefined),
    ["echoes-version", "plain-length", "response-version"],
  ],
  [
    "answers everybody as version 1.1",
    onCoded(({ headers }) => ({
      headers: { ...headers, "x-p2p-peerdist": String(headers["x-p2p-peerdist"]).replace("=1.0", "=1.1") },
    })),
    ["response-version"],
  ],
  [
    "gives the length of the Content Information as ContentLength",
    onCoded(({ headers, body }) => ({
      headers: {
        ...headers,
        "x-p2p-peerdist": String(headers["x-p2p-peerdist"]).replace(
          /ContentLength=\d+/,
          `ContentLength=${body.length}`,
        ),
      },
    })),
    ["plain-length"],
  ],
  ["writes the coding in capital letters", onField("content-encoding", "PeerDist"), ["coding-in-lower-case"]],
  ["gives Content Information an ETag of its own", onField("etag", '"another"'), ["same-representation"]],
  [
    "leaves the ETag and date out",
    onCoded(({ headers }) => ({ headers: { ...headers, etag: undefined, "last-modified": undefined } })),
    ["same-representation"],
  ],
  [
    "leaves Vary out",
    { answered: (answered) => ({ ...answered, headers: { ...answered.headers, vary: undefined } }) },
    ["vary"],
  ],
  [
    "leaves Vary out of plain answers",
    {
      answered: (answered) =>
        isCoded(answered) ? answered : { ...answered, headers: { ...answered.headers, vary: undefined } },
    },
    ["vary"],
  ],
  ["lets shared caches keep Content Information", onField("cache-control", "public"), ["private"]],
  [
    "asks for a hash request beside Content Information",
    onField("x-p2p-peerdistex", "MakeHashRequest=true"),
    ["no-hash-request-for-what-is-ready"],
  ],
  // Offers.
  [
    "sends Content Information to everybody",
    withOffer((headers) => accept(headers) === "identity"),
    ["no-offer"],
  ],
  [
    "takes no notice of q",
    hears((headers) => ({ "accept-encoding": headers["accept-encoding"]?.replace(/;\s*q=[\d.]+/g, "") })),
    ["coding-refused", "identity-preferred"],
  ],
  ["takes * for an offer", withOffer((headers) => accept(headers) === "*"), ["any-coding"]],
  [
    "takes an offer without a version",
    withOffer((headers) => accept(headers) === "peerdist" && !/Version=\d/i.test(peerDist(headers))),
    ["no-version"],
  ],
  ["takes any version", withOffer((headers) => peerDist(headers) === "Version=999.999"), ["unknown-version"]],
  [
    "takes no notice of MissingDataRequest",
    hears((headers) => ({
      "x-p2p-peerdist": headers["x-p2p-peerdist"]?.replace(/,?\s*MissingDataRequest=\w+,?\s*/i, ""),
    })),
    ["missing-data", "missing-data-junk"],
  ],
  [
    "takes an invalid MissingDataRequest for false",
    hears((headers) => ({ "x-p2p-peerdist": headers["x-p2p-peerdist"]?.replace("InvalidValue", "false") })),
    ["missing-data-junk"],
  ],
  [
    "takes MissingDataRequest=false for true",
    hears((headers) => ({
      "x-p2p-peerdist": headers["x-p2p-peerdist"]?.replace("Request=false", "Request=true"),
    })),
    ["missing-data-false"],
  ],
  [
    "takes any X-P2P-PeerDistEx",
    withOffer((headers) => /=(?:900|3|0\.9)|MinContentInformation=2/.test(ex(headers))),
    ["ex-out-of-range"],
  ],
  [
    "takes X-P2P-PeerDistEx with one version",
    withOffer((headers) => /^M\w+=\d\.\d$/.test(ex(headers))),
    ["ex-incomplete"],
  ],
  ["wants Min before Max", withoutOffer((headers) => ex(headers).startsWith("Max")), ["ex-in-any-shape"]],
  [
    "minds the letter case of parameters",
    withoutOffer((headers) => peerDist(headers).startsWith("version")),
    ["version-in-any-shape"],
  ],
  [
    "minds the letter case of the coding",
    withoutOffer((headers) => accept(headers) === "PeerDist"),
    ["coding-in-any-case"],
  ],
  [
    "knows no hash request",
    withoutOffer((headers) => ex(headers).includes("HashRequest")),
    ["hash-request", "hash-request-alone"],
  ],
  [
    "wants the coding listed in a hash request",
    withoutOffer((headers) => ex(headers).includes("HashRequest") && accept(headers) === ""),
    ["hash-request-alone"],
  ],
  // Ordinary HTTP.
  [
    "answers a range with the range after it",
    hears((headers) =>
      /^bytes=6[^,]*$/.test(headers["range"] ?? "") ? { range: "bytes=70000-140000" } : {},
    ),
    ["missing-data-range", "range"],
  ],
  [
    "codes the first of several ranges",
    hears((headers) => ({ range: headers["range"]?.replace(/,.*/, "") })),
    ["several-ranges"],
  ],
  ["takes no notice of If-Range", hears(() => ({ "if-range": undefined })), ["missing-data-if-range"]],
  [
    "takes no notice of conditions",
    hears(() => ({ "if-none-match": undefined, "if-match": undefined })),
    ["not-modified", "precondition-failed"],
  ],
  [
    "answers 416 with the coding",
    {
      answered: (answered) =>
        answered.status === 416
          ? { ...answered, headers: { ...answered.headers, "content-encoding": "peerdist" } }
          : answered,
    },
    ["range-after-the-end"],
  ],
  [
    "answers 404 with 200",
    { answered: (answered) => (answered.status === 404 ? { ...answered, status: 200 } : answered) },
    ["not-found"],
  ],
  [
    "answers HEAD with the coding",
    {
      answered: (answered, { method }) =>
        method === "HEAD"
          ? { ...answered, headers: { ...answered.headers, "content-encoding": "peerdist" } }
          : answered,
    },
    ["head"],
  ],
  [
    "closes the connection on HTTP/1.0",
    { answered: (answered, { headers }) => (headers.connection === undefined ? undefined : answered) },
    ["http-1.0"],
  ],
];

function flip(bytes: Uint8Array, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
}

describe("a content server that", () => {
  it.each(sampled(MUTANTS))("%s is caught", async (_, fault, caughtBy) => {
    const { freshPath: __, ...target } = own.target;
    await using mutant = await mutantOf(target.server, fault);
    const report = await run(contentServer, { ...target, server: mutant.server });
    expect(failedIds(report)).toEqual([...caughtBy].sort());
  });
});
