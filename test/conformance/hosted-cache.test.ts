/** The profile of hosted caches: ours passes it whole, and with a fault fails where it should. */
import { createMemoryStore, type Stores } from "@branchcache/cache-store";
import { type HostedCacheTarget, hostedCache, openSource, seededRandom } from "@branchcache/conformance";
import { negotiateGate, type OfferGate } from "@branchcache/hosted-cache/node";
import { type HostedCacheService, startHostedCacheService } from "@branchcache/peer-node";
import { block, encodeMessage, parseResponse, RETRIEVAL_PATH } from "@branchcache/retrieval";
import { systemClock as clock } from "@branchcache/runtime/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import certificates from "../support/certificates.json" with { type: "json" };
import { sampled } from "../support/slow.ts";
import { type Answered, type Asked, changed, type Fault, mutantOf } from "./support/mutant.ts";
import { failedIds, run } from "./support/outcomes.ts";

const tls = { cert: certificates.server.cert, key: certificates.server.key };

async function ownCache(gate?: OfferGate) {
  const store: Stores = createMemoryStore({ limitBytes: 16 * 1024 * 1024, clock });
  const service: HostedCacheService = await startHostedCacheService({
    store,
    http: { host: "127.0.0.1", port: 0 },
    https: { listen: { host: "127.0.0.1", port: 0 }, tls },
    ...(gate && { httpsGate: gate }),
    allowOwnAddresses: true,
    limits: { restMs: 0, quarantineMs: 0 },
    offersPerSecond: 10_000,
    offersAtOnce: 10_000,
  });
  return {
    server: service.serving,
    service,
    tlsServer: { address: "127.0.0.1", port: service.servingTls?.port ?? 0, tls: {} },
    async [Symbol.asyncDispose]() {
      await service.close();
      await store.close();
    },
  };
}

/** For what a mutant never does; what is done at all takes less, even on a busy machine. */
const PATIENCE_MS = 3_000;
let seed = 1;
const openTarget = async (
  servers: Pick<HostedCacheTarget, "server" | "tlsServer">,
  patienceMs?: number,
): Promise<HostedCacheTarget & AsyncDisposable> => {
  // Content that the cache has not seen yet: it is the same one for all tests.
  const random = seededRandom(seed++);
  const source = await openSource({
    random,
    clock,
    listen: { host: "127.0.0.1", port: 0 },
    ...(patienceMs !== undefined && { patienceMs }),
  });
  return {
    ...servers,
    source,
    random,
    clock,
    ...(patienceMs !== undefined && { timeoutMs: patienceMs }),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
};

let own: Awaited<ReturnType<typeof ownCache>>;
beforeAll(async () => {
  own = await ownCache();
});
afterAll(() => own[Symbol.asyncDispose]());

describe("our hosted cache", () => {
  it("passes the whole profile", async () => {
    await using target = await openTarget(own);
    const report = await run(hostedCache, target);
    const bad = report.results.filter(({ outcome }) => outcome !== "pass");
    // Ours demands none; those that do stand below.
    expect(bad.map(({ id, outcome }) => [id, outcome])).toEqual([
      ["authorization-demanded", "skipped"],
      ["authorization-refused", "skipped"],
    ]);
    expect(report.results.length).toBeGreaterThan(30);
  });

  it("has the checks of version 1.0 skipped where there is no TLS", async () => {
    await using target = await openTarget({ server: own.server });
    const { results } = await run(hostedCache, target, ["PCHC-44", "batched-offer"]);
    expect(results.map(({ outcome }) => outcome)).toEqual(["pass", "skipped", "skipped"]);
  });
});

const OK = Uint8Array.of(0, 0, 0, 1, 0);
const INTERESTED = Uint8Array.of(0, 0, 0, 1, 1);
const HEADER = 16;
const DESCRIPTOR = 59;
const typeOf = ({ body }: Asked) => (body[2] ?? 0) * 256 + (body[3] ?? 0);
const isOffer = ({ path }: Asked) => path.toLowerCase() !== RETRIEVAL_PATH.toLowerCase();
const hasDescriptors = (count: number) => (asked: Asked) =>
  isOffer(asked) && typeOf(asked) === 3 && asked.body.length === HEADER + count * DESCRIPTOR;

const refuses = (which: (asked: Asked) => boolean, status = 400): Fault => ({
  answered: (answered, asked) => (which(asked) ? { status, headers: {}, body: new Uint8Array(0) } : answered),
});
const says = (body: Uint8Array, which: (asked: Asked, answered: Answered) => boolean): Fault => ({
  answered: (answered, asked) => (which(asked, answered) ? { status: 200, headers: {}, body } : answered),
});
const hears = (
  which: (asked: Asked) => boolean,
  change: (view: DataView, body: Uint8Array) => void,
): Fault => ({
  asked: (asked) => (which(asked) ? { ...asked, body: changed(asked.body, change) } : asked),
});
const hearsOnly = (lengthBytes: number, which: (asked: Asked) => boolean): Fault => ({
  asked: (asked) =>
    which(asked)
      ? {
          ...asked,
          headers: { ...asked.headers, "content-length": String(lengthBytes) },
          body: asked.body.subarray(0, lengthBytes),
        }
      : asked,
});
/** To a port where nobody listens. */
const pullsElsewhere = (which: (asked: Asked) => boolean): Fault =>
  hears(which, (view) => view.setUint16(8, 1));

const MALFORMED = [
  ...["empty-segment", "first-version-by-http", "no-content-tag", "no-descriptor", "part-of-a-descriptor"],
  ...["short-header", "too-many-descriptors", "unknown-offer-type", "unknown-offer-version"],
];
const SPOILED_INFORMATION = [
  ...["information-of-two-segments", "information-of-unknown-algorithm"],
  ...["information-of-unknown-version", "information-without-segment"],
];
const INFORMS = [...SPOILED_INFORMATION, "segment-info", "unverified-block"];

const MUTANTS: readonly (readonly [
  name: string,
  fault: Fault | ((service: HostedCacheService) => Fault),
  caughtBy: readonly string[],
])[] = [
  ["pulls from another port than the offer names", pullsElsewhere(hasDescriptors(2)), ["pull"]],
  ["pulls the first of several segments", hearsOnly(HEADER + DESCRIPTOR, hasDescriptors(2)), ["pull"]],
  [
    "takes a segment of version 1.0 for one block",
    hears(
      (asked) => hasDescriptors(1)(asked) && asked.body[HEADER + 26] === 1,
      (view) => view.setUint32(HEADER, view.getUint32(HEADER + 4)),
    ),
    ["pull-of-version-1-content"],
  ],
  [
    "answers when it has pulled",
    ({ offers }: HostedCacheService) => ({
      async instead(asked, real) {
        const answered = await real(asked);
        await offers.idle();
        return answered;
      },
    }),
    ["answer-before-pull"],
  ],
  [
    "gives nobody what it pulled",
    refuses((asked) => !isOffer(asked), 404),
    ["gives-what-it-pulled", "initial-offer-of-known", "unverified-block"],
  ],
  [
    "refuses what was offered before",
    (() => {
      const seen = new Set<string>();
      return refuses((asked) => {
        const name = Buffer.from(asked.body).toString("hex");
        const again = isOffer(asked) && hasDescriptors(1)(asked) && seen.has(name);
        seen.add(name);
        return again;
      });
    })(),
    ["offered-again", "path-as-it-comes"],
  ],
  [
    "wants padding to be zero",
    refuses((asked) => isOffer(asked) && asked.body[4] !== 0 && asked.body.length > 10),
    ["padding"],
  ],
  [
    "pulls from where X-Forwarded-For says",
    pullsElsewhere(({ headers }) => headers["x-forwarded-for"] !== undefined),
    ["forwarded-address"],
  ],
  ["takes at most 127 descriptors", refuses(hasDescriptors(128)), ["most-descriptors"]],
  [
    "minds the letter case of its path",
    refuses(({ path }) => path === path.toUpperCase() && path !== path.toLowerCase(), 404),
    ["path-as-it-comes"],
  ],
  [
    "wants Content-Length",
    refuses(({ headers }) => headers["transfer-encoding"] !== undefined, 411),
    ["chunked-offer"],
  ],
  [
    "refuses an unknown HashAlgorithm",
    refuses((asked) => hasDescriptors(1)(asked) && asked.body[HEADER + 26] === 0xfe),
    ["unknown-algorithm"],
  ],
  [
    "pulls whatever HashAlgorithm says",
    hears(
      (asked) => hasDescriptors(1)(asked) && asked.body[HEADER + 26] === 0xfe,
      (view) => view.setUint8(HEADER + 26, 4),
    ),
    ["unknown-algorithm"],
  ],
  [
    "answers what is malformed with OK",
    says(OK, (asked, { status }) => isOffer(asked) && (status === 400 || status === 413)),
    MALFORMED,
  ],
  [
    "takes the first 128 of more descriptors",
    hearsOnly(HEADER + 128 * DESCRIPTOR, hasDescriptors(129)),
    ["too-many-descriptors"],
  ],
  [
    "leaves a part of a descriptor alone",
    hearsOnly(
      HEADER + DESCRIPTOR,
      (asked) => isOffer(asked) && asked.body.length === HEADER + DESCRIPTOR + 40,
    ),
    ["part-of-a-descriptor"],
  ],
  [
    "takes no notice of the version",
    hears(
      (asked) => isOffer(asked) && asked.body[1] === 0xfe,
      (view) => view.setUint16(0, 2),
    ),
    ["unknown-offer-version"],
  ],
  [
    "takes no notice of the type",
    hears(
      (asked) => isOffer(asked) && typeOf(asked) === 0xfefe,
      (view) => view.setUint16(2, 3),
    ),
    ["unknown-offer-type"],
  ],
  [
    "takes offers of version 1.0 by HTTP",
    says(INTERESTED, (asked) => isOffer(asked) && asked.body[1] === 1),
    ["first-version-by-http"],
  ],
  [
    "gives blocks that it did not verify",
    {
      answered(answered, asked) {
        if (isOffer(asked) || answered.status !== 200) return answered;
        const message = parseResponse(answered.body);
        if (message.kind !== "block" || message.body.data.length > 0) return answered;
        const body = { ...message.body, data: new Uint8Array(16), iv: new Uint8Array(16) };
        return { ...answered, body: encodeMessage(block, 1, body) };
      },
    },
    ["unverified-block"],
  ],
];

const TLS_MUTANTS: readonly (readonly [name: string, fault: Fault, caughtBy: readonly string[]])[] = [
  [
    "writes Size little-endian",
    {
      answered: (answered) =>
        answered.body.length === 5
          ? { ...answered, body: changed(answered.body, (view) => view.setUint32(0, 1, true)) }
          : answered,
    },
    [...INFORMS, "initial-offer-of-known", "initial-offer-of-unknown", "known-only-with-data"],
  ],
  [
    "says that it knows every segment",
    says(OK, (asked) => typeOf(asked) === 1),
    ["initial-offer-of-unknown", "known-only-with-data", "first-version-unknown-version"],
  ],
  [
    "never knows a segment",
    says(INTERESTED, (asked, { body }) => typeOf(asked) === 1 && body.length > 0),
    ["initial-offer-of-known"],
  ],
  ["is interested in what it was told", says(INTERESTED, (asked) => typeOf(asked) === 2), INFORMS],
  [
    "pulls nothing after SEGMENT_INFO",
    pullsElsewhere((asked) => typeOf(asked) === 2),
    ["initial-offer-of-known", "segment-info", "unverified-block"],
  ],
  [
    "drops SEGMENT_INFO with Content Information that it does not read",
    refuses((asked) => typeOf(asked) === 2 && (asked.body[32] === 0xfe || asked.body[34] === 0xfe)),
    ["information-of-unknown-algorithm", "information-of-unknown-version"],
  ],
  [
    "pulls by Content Information of any version",
    hears(
      (asked) => typeOf(asked) === 2 && asked.body[32] === 0xfe,
      (view) => view.setUint16(32, 1),
    ),
    ["information-of-unknown-version"],
  ],
  [
    "pulls by the first of two segments",
    {
      asked(asked) {
        const view = new DataView(asked.body.buffer, asked.body.byteOffset, asked.body.length);
        const isTwo = typeOf(asked) === 2 && asked.body.length > 60 && view.getUint32(46, true) === 2;
        if (!isTwo) return asked;
        const first = [
          asked.body.subarray(0, 32 + 18 + 80),
          asked.body.subarray(32 + 18 + 160, 32 + 18 + 160 + 4 + 64),
        ];
        const body = changed(Buffer.concat(first), (mended) => mended.setUint32(46, 1, true));
        return { ...asked, headers: { ...asked.headers, "content-length": String(body.length) }, body };
      },
    },
    ["information-of-two-segments"],
  ],
  [
    "answers what is malformed by TLS",
    says(INTERESTED, (_, { status }) => status === 400),
    ["batched-offer-by-tls", "first-version-unknown-type", "first-version-unknown-version"],
  ],
];

describe("a hosted cache that", () => {
  it.concurrent.each(sampled(MUTANTS))("%s is caught", async (_, given, caughtBy) => {
    await using own = await ownCache();
    const fault = typeof given === "function" ? given(own.service) : given;
    await using mutant = await mutantOf(own.server, fault);
    await using target = await openTarget({ ...own, server: mutant.server }, PATIENCE_MS);
    expect(failedIds(await run(hostedCache, target))).toEqual([...caughtBy].sort());
  });

  it.concurrent.each(sampled(TLS_MUTANTS))("%s is caught", async (_, fault, caughtBy) => {
    await using own = await ownCache();
    await using mutant = await mutantOf({ address: "127.0.0.1", port: own.tlsServer.port }, fault, tls);
    const tlsServer = { ...mutant.server, tls: {} };
    await using target = await openTarget({ server: own.server, tlsServer }, PATIENCE_MS);
    expect(failedIds(await run(hostedCache, target))).toEqual([...caughtBy].sort());
  });

  it("dies after the first exchange passes nothing", async () => {
    let exchanges = 0;
    await using mutant = await mutantOf(own.server, {
      answered: (answered) => (exchanges++ === 0 ? answered : undefined),
    });
    await using target = await openTarget({ server: mutant.server }, 100);
    const { results } = await run(hostedCache, target);
    expect(results.filter(({ outcome }) => outcome === "pass")).toEqual([]);
  });
});

describe("a hosted cache that demands authorization", () => {
  const UNAUTHORIZED: Answered = {
    status: 401,
    headers: { "www-authenticate": "Negotiate" },
    body: new Uint8Array(0),
  };
  const DEMANDED = "authorization-demanded";
  const REFUSED = "authorization-refused";

  it("PCHC-15 passes where ours does, by SPNEGO", async () => {
    const accept = async () => ({ kind: "refused", reason: "no token of ours" }) as const;
    await using gated = await ownCache(negotiateGate(() => ({ accept })));
    await using target = await openTarget(gated, PATIENCE_MS);
    const { results } = await run(hostedCache, { ...target, expects401: true }, ["PCHC-15"]);
    expect(results.map(({ id, outcome }) => [id, outcome])).toEqual([
      [DEMANDED, "pass"],
      [REFUSED, "pass"],
    ]);
  });

  it.each<[name: string, instead: NonNullable<Fault["instead"]>, caughtBy: readonly string[]]>([
    ["answers 401 passes", async () => UNAUTHORIZED, []],
    ["answers 403 is caught", async () => ({ ...UNAUTHORIZED, status: 403 }), [DEMANDED, REFUSED]],
    [
      "answers a bad token with 403 is caught",
      async (asked) =>
        asked.headers.authorization === undefined ? UNAUTHORIZED : { ...UNAUTHORIZED, status: 403 },
      [REFUSED],
    ],
    ["offers no scheme is caught", async () => ({ ...UNAUTHORIZED, headers: {} }), [DEMANDED, REFUSED]],
    [
      "takes any token is caught",
      async (asked, real) => (asked.headers.authorization === undefined ? UNAUTHORIZED : real(asked)),
      [REFUSED],
    ],
    [
      "answers 401 and pulls all the same is caught",
      async (asked, real) => {
        await real(asked);
        return UNAUTHORIZED;
      },
      [DEMANDED, REFUSED],
    ],
  ])("%s", async (_, instead, caughtBy) => {
    await using mutant = await mutantOf({ address: "127.0.0.1", port: own.tlsServer.port }, { instead }, tls);
    const tlsServer = { ...mutant.server, tls: {} };
    await using target = await openTarget({ server: own.server, tlsServer }, PATIENCE_MS);
    const report = await run(hostedCache, { ...target, expects401: true }, ["PCHC-15", "PCHC-44"]);
    expect(failedIds(report)).toEqual(caughtBy);
    const others = report.results.filter(({ id }) => !caughtBy.includes(id));
    const ofVersion1 = (id: string) => id !== DEMANDED && id !== REFUSED;
    for (const { id, outcome } of others) expect(outcome).toBe(ofVersion1(id) ? "skipped" : "pass");
  });
});
