import type { Segment } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { BranchCacheError } from "@branchcache/runtime";
import { manualClock, recordingObserver } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import {
  contentTag,
  createHostedCacheServer,
  createOfferClient,
  encodeResponse,
  OFFER_PATH_V1,
  OFFER_PATH_V2,
  type OfferClientOptions,
  type OfferFailure,
  type OfferRequest,
  type OfferTransport,
  type OfferVersion,
  parseOfferRequest,
  type SpnegoInitiator,
} from "../../src/index.ts";
import { negotiateToken } from "../../src/spnego.ts";
import { fakeContent, memoryOfferTransport } from "../../src/testing.ts";
import { hex, v1Segment, v2Segments } from "../content.ts";

type Answer = Awaited<ReturnType<OfferTransport["post"]>> | "hang" | Error;

interface Posted {
  readonly path: string;
  readonly request: OfferRequest;
  readonly authorization: string | undefined;
  readonly signal: AbortSignal;
}

const ok: Answer = { status: 200, challenge: undefined, body: encodeResponse("ok") };
const interested: Answer = { status: 200, challenge: undefined, body: encodeResponse("interested") };
const unauthorized = (challenge: string): Answer => ({ status: 401, challenge, body: new Uint8Array(9) });

/** A client whose cache answers as the script says; "hang" waits for `release`. */
function office(
  version: OfferVersion,
  script: (posted: Posted, index: number) => Answer,
  options: Partial<OfferClientOptions> = {},
) {
  const clock = manualClock();
  const observer = recordingObserver();
  const posts: Posted[] = [];
  const outcomes: (OfferFailure | undefined)[] = [];
  const hanging: ((answer: Answer & object) => void)[] = [];
  const transport: OfferTransport = {
    post(path, body, { authorization, signal }) {
      const posted = { path, request: parseOfferRequest(body, version), authorization, signal };
      posts.push(posted);
      const answer = script(posted, posts.length - 1);
      if (answer instanceof Error) return Promise.reject(answer);
      if (answer !== "hang") return Promise.resolve(answer);
      return new Promise((resolve, reject) => {
        hanging.push((late) => (late instanceof Error ? reject(late) : resolve(late)));
      });
    },
    close() {},
  };
  const client = createOfferClient({
    name: "cache",
    version,
    transport,
    servingPort: 1337,
    clock,
    observer,
    onOutcome: (failure) => outcomes.push(failure),
    ...options,
  });
  return {
    clock,
    observer,
    posts,
    outcomes,
    client,
    release: (answer: Answer & object) => hanging.shift()?.(answer),
  };
}

const kinds = (posts: readonly Posted[]): string[] => posts.map(({ request }) => request.kind);
const sizes = (posts: readonly Posted[]): number[] =>
  posts.map(({ request }) => (request.kind === "batchedOffer" ? request.segments.length : 0));
/** Of each message that names any. */
const tags = (posts: readonly Posted[]): (Uint8Array | undefined)[][] =>
  posts.flatMap(({ request }) => {
    if (request.kind === "batchedOffer") return [request.segments.map((each) => each.contentTag)];
    return request.kind === "segmentInfo" ? [[request.contentTag]] : [];
  });
/** Of no name. */
const binaryTag = hex("00ff10203040506070809000a0b0c0d0");

describe("version 2.0", () => {
  it("PCHC-61 PCHC-68 gathers offers for a moment and sends them together", async () => {
    const { client, clock, outcomes, posts } = office(2, () => ok);
    for (const segment of v2Segments(3)) client.offer(segment);
    await clock.advance(499);
    expect(posts).toEqual([]);
    await clock.advance(1);
    expect([sizes(posts), posts[0]?.path, posts[0]?.request.port]).toEqual([[3], OFFER_PATH_V2, 1337]);
    await clock.settle();
    expect([client.outstanding, client.queued, outcomes, clock.pending]).toEqual([0, 0, [undefined], 0]);
  });

  it("PCHC-33 sends full batches at once, and never more than 128 in one", async () => {
    const { client, clock, posts } = office(2, () => ok);
    for (const segment of v2Segments(300)) client.offer(segment);
    await clock.settle();
    expect(sizes(posts)).toEqual([128, 128]);
    await clock.advance(500);
    expect(sizes(posts)).toEqual([128, 128, 44]);
  });

  it("offers a segment once that is offered again while it waits", async () => {
    const { client, clock, posts } = office(2, () => ok);
    const [segment] = v2Segments(1) as [Segment];
    for (let i = 0; i < 5; i++) client.offer(segment);
    await clock.advance(500);
    expect(sizes(posts)).toEqual([1]);
  });

  it("API-79 PCHC-34 names in each descriptor the tag of its segment, and its own where it has none", async () => {
    const { client, clock, posts } = office(2, () => ok, { contentTag: contentTag("own") });
    const [one, two, three] = v2Segments(3) as [Segment, Segment, Segment];
    client.offer(one, contentTag("BITS-4.0"));
    client.offer(two);
    client.offer(three, binaryTag);
    await clock.advance(500);
    expect(tags(posts)).toEqual([[contentTag("BITS-4.0"), contentTag("own"), binaryTag]]);
  });

  it("API-79 says BranchCache-HTTP where nobody gave a tag", async () => {
    const { client, clock, posts } = office(2, () => ok);
    for (const segment of v2Segments(1)) client.offer(segment);
    await clock.advance(500);
    expect(tags(posts)).toEqual([[contentTag("BranchCache-HTTP")]]);
  });

  it("API-79 takes the later tag of a segment that waits, as it was when it was offered", async () => {
    const { client, clock, posts } = office(2, () => ok);
    const [segment] = v2Segments(1) as [Segment];
    const mine = binaryTag.slice();
    client.offer(segment, contentTag("WebIO"));
    client.offer(segment, mine);
    mine.fill(0);
    await clock.advance(500);
    expect(tags(posts)).toEqual([[binaryTag]]);
  });

  it.each([0, 15, 17])("API-79 refuses a tag of %i bytes", (lengthBytes) => {
    const tag = new Uint8Array(lengthBytes);
    const { client } = office(2, () => ok);
    const [segment] = v2Segments(1) as [Segment];
    expect(() => client.offer(segment, tag)).toThrow(RangeError);
    expect(client.queued).toEqual(0);
    expect(() => office(2, () => ok, { contentTag: tag })).toThrow(RangeError);
  });

  it("PCHC-35 leaves out what descriptors cannot name", async () => {
    const { client, clock, posts } = office(2, () => ok);
    const segment = v1Segment(1);
    const { id, secret, blockHashes } = segment;
    client.offer({ ...segment, id, secret, blockHashes, algorithm: "sha384" });
    await clock.advance(500);
    expect([posts, client.queued]).toEqual([[], 0]);
  });

  it("a full queue lets the oldest go", async () => {
    const { client, clock, observer, posts } = office(2, () => "hang", { maxQueued: 10 });
    for (const segment of v2Segments(25)) client.offer(segment);
    await clock.advance(500);
    expect(sizes(posts)).toEqual([10]);
    expect(observer.total("hosted_offers_total", { result: "failed" })).toEqual(15);
    client.close();
  });

  it("waits for the answer before it sends more, and then sends what has come", async () => {
    const { client, clock, posts, release } = office(2, () => "hang");
    const all = v2Segments(9);
    for (const segment of all.slice(0, 4)) client.offer(segment);
    await clock.advance(500);
    for (const segment of all.slice(4)) client.offer(segment);
    await clock.advance(500);
    expect(sizes(posts)).toEqual([4]);
    release(ok);
    await clock.settle();
    expect(sizes(posts)).toEqual([4, 5]);
    client.close();
  });
});

describe("version 1.0", () => {
  it("PCHC-56 PCHC-63 PCHC-64 PCHC-66 sends SEGMENT_INFO where the cache is interested", async () => {
    const { client, clock, posts } = office(
      1,
      ({ request }) => (request.kind === "initialOffer" ? interested : ok),
      {
        contentTag: contentTag("test"),
      },
    );
    client.offer(v1Segment(2));
    await clock.settle();
    expect([kinds(posts), posts[0]?.path]).toEqual([["initialOffer", "segmentInfo"], OFFER_PATH_V1]);
    const [, info] = posts;
    expect(info?.request.kind === "segmentInfo" && info.request.contentTag).toEqual(contentTag("test"));
    expect([client.outstanding, clock.nextInMs]).toEqual([0, undefined]);
  });

  it("API-79 PCHC-26 names in each SEGMENT_INFO the tag of its segment, and its own where it has none", async () => {
    const { client, clock, posts } = office(1, ({ request }) =>
      request.kind === "initialOffer" ? interested : ok,
    );
    client.offer(v1Segment(1, 1), binaryTag);
    client.offer(v1Segment(1, 2));
    client.offer(v1Segment(1, 3), contentTag("WinINet"));
    await clock.settle();
    expect(tags(posts)).toEqual([[binaryTag], [contentTag("BranchCache-HTTP")], [contentTag("WinINet")]]);
  });

  it("PCHC-63 is content with ok", async () => {
    const { client, clock, observer, posts } = office(1, () => ok);
    client.offer(v1Segment(2));
    await clock.settle();
    expect(kinds(posts)).toEqual(["initialOffer"]);
    expect(observer.total("hosted_offers_total", { direction: "made", result: "have" })).toEqual(1);
  });

  it("PCHC-69 drops an interested that answers a SEGMENT_INFO", async () => {
    const { client, clock, outcomes, posts } = office(1, () => interested);
    client.offer(v1Segment(2));
    await clock.settle();
    expect([kinds(posts), outcomes]).toEqual([
      ["initialOffer", "segmentInfo"],
      [undefined, "malformed"],
    ]);
  });

  it("leaves out segments of version 2.0, which it cannot offer", async () => {
    const { client, clock, posts } = office(1, () => ok);
    for (const segment of v2Segments(2)) client.offer(segment);
    await clock.settle();
    expect(posts).toEqual([]);
  });
});

describe("the request timer", () => {
  const [first, second] = v2Segments(2) as [Segment, Segment];

  it("PCHC-59 PCHC-70 expires a request after more than two ticks of 5 s, and not before", async () => {
    const { client, clock, observer, outcomes, posts } = office(2, () => "hang");
    client.offer(first);
    await clock.advance(500);
    await clock.advance(14_999);
    expect([client.outstanding, outcomes]).toEqual([1, []]);
    await clock.advance(1);
    expect([client.outstanding, outcomes, posts[0]?.signal.aborted]).toEqual([0, ["timeout"], true]);
    expect(observer.named("offer.timeout").map(({ fields }) => fields["segments"])).toEqual([1]);
    expect(clock.pending, "no tick without a request").toEqual(0);
  });

  it("PCHC-60 PCHC-65 does not process the answer of a request that is over", async () => {
    const { client, clock, outcomes, release } = office(2, () => "hang");
    client.offer(first);
    await clock.advance(500 + 15_000);
    client.offer(second);
    await clock.advance(500);
    release(ok);
    await clock.settle();
    expect([outcomes, client.outstanding]).toEqual([["timeout"], 1]);
    release(ok);
    await clock.settle();
    expect([outcomes, client.outstanding]).toEqual([["timeout", undefined], 0]);
  });

  it("PCHC-64 gives a SEGMENT_INFO a timer of its own", async () => {
    const { client, clock, outcomes, posts, release } = office(1, () => "hang");
    client.offer(v1Segment(1));
    await clock.advance(9_999);
    release(interested);
    await clock.settle();
    expect(kinds(posts)).toEqual(["initialOffer", "segmentInfo"]);
    await clock.advance(9_999);
    expect(outcomes).toEqual([undefined]);
    await clock.advance(5_001);
    expect(outcomes).toEqual([undefined, "timeout"]);
    client.close();
  });
});

describe("what caches may answer", () => {
  const failures: readonly [string, Answer, OfferFailure][] = [
    ["HTTP 400", { status: 400, challenge: undefined, body: new Uint8Array(0) }, "status"],
    ["HTTP 500", { status: 500, challenge: undefined, body: hex("0000000100") }, "status"],
    ["a page", { status: 200, challenge: undefined, body: new TextEncoder().encode("<html>") }, "malformed"],
    ["nothing", { status: 200, challenge: undefined, body: new Uint8Array(0) }, "malformed"],
    ["code 2", { status: 200, challenge: undefined, body: hex("0000000102") }, "malformed"],
    ["no connection", new BranchCacheError("BC_HTTP_CONNECT", "refused"), "connect"],
    ["no HTTP", new BranchCacheError("BC_HTTP_MALFORMED", "what?"), "malformed"],
    ["a certificate of somebody else", new BranchCacheError("BC_TLS_CERTIFICATE", "who?"), "certificate"],
    ["401 without Negotiate", unauthorized("Basic realm=x"), "unauthorized"],
    ["401 with Negotiate, which this client cannot", unauthorized("Negotiate"), "unauthorized"],
  ];
  it.each(failures)("PCHC-69 PCHC-3 %s ends the request and nothing else", async (_, answer, failure) => {
    const { client, clock, outcomes } = office(2, () => answer);
    const [one, two] = v2Segments(2) as [Segment, Segment];
    client.offer(one);
    await clock.advance(500);
    client.offer(two);
    await clock.advance(500);
    expect([outcomes, client.queued, client.outstanding]).toEqual([[failure, failure], 0, 0]);
  });

  it("forgets everything when it is closed, twice", async () => {
    const { client, clock, posts } = office(2, () => "hang");
    const [one, two] = v2Segments(2) as [Segment, Segment];
    client.offer(one);
    await clock.advance(500);
    client.offer(two);
    client.close();
    client.close();
    await clock.advance(60_000);
    expect([posts.length, posts[0]?.signal.aborted, clock.pending]).toEqual([1, true, 0]);
  });
});

describe("proof of identity", () => {
  const text = (token: Uint8Array | "none" | undefined): string =>
    token === "none" || token === undefined ? String(token) : new TextDecoder().decode(token);
  const token = (word: string): Uint8Array => new TextEncoder().encode(word);

  it("PCHC-16 PCHC-17 PCHC-67 repeats the request with token after token, and the timer starts anew", async () => {
    const script = [unauthorized("Negotiate"), unauthorized(`Negotiate ${btoa("challenge")}`), ok];
    const given: string[] = [];
    const spnego = (): SpnegoInitiator => ({
      async next(from) {
        given.push(text(from));
        return token(`leg ${given.length}`);
      },
    });
    const { client, clock, outcomes, posts } = office(1, (_, index) => script[index] ?? "hang", { spnego });
    client.offer(v1Segment(1));
    await clock.settle();
    expect(posts.map(({ authorization }) => text(negotiateToken(authorization)))).toEqual([
      "none",
      "leg 1",
      "leg 2",
    ]);
    expect(given).toEqual(["undefined", "challenge"]);
    expect(new Set(posts.map(({ request }) => JSON.stringify(request))).size, "the same request").toEqual(1);
    expect(outcomes).toEqual([undefined]);
  });

  it.each([
    ["that is never content", `Negotiate ${btoa("more")}`, 5],
    ["that refuses its token", "Negotiate", 2],
  ])("gives up a cache %s", async (_, challenge, requests) => {
    const { client, clock, outcomes, posts } = office(1, () => unauthorized(challenge), {
      spnego: () => ({ next: async () => token("again") }),
    });
    client.offer(v1Segment(1));
    await clock.settle();
    expect([outcomes, posts.length]).toEqual([["unauthorized"], requests]);
  });

  it.each([
    ["has no more to say", async () => undefined],
    ["fails", () => Promise.reject(new Error("no ticket"))],
  ])("fails the request when the hook %s", async (_, next) => {
    const { client, clock, observer, outcomes } = office(1, () => unauthorized("Negotiate"), {
      spnego: () => ({ next }),
    });
    client.offer(v1Segment(1));
    await clock.settle();
    expect(outcomes).toEqual(["unauthorized"]);
    expect(observer.named("offer.failed").length).toBeGreaterThan(0);
  });

  it("says in words what is wrong when there is no hook, once", async () => {
    const { client, clock, observer } = office(1, () => unauthorized("Negotiate"));
    for (const seed of [1, 2]) client.offer(v1Segment(1, seed));
    await clock.settle();
    const told = observer.named("offer.failed");
    expect(told.map(({ level }) => level)).toEqual(["warn", "debug"]);
    expect(told[0]?.fields["reason"]).toMatch(/Kerberos or NTLM/);
  });

  it.each([
    ["Negotiate", undefined],
    ["negotiate  YQ==", "a"],
    ['Basic realm="x", Negotiate', undefined],
    ["NTLM", "none"],
    ["", "none"],
    ["Negotiate !", "none"],
  ])("reads %j", (value, expected) => {
    const found = negotiateToken(value);
    expect(found instanceof Uint8Array ? text(found) : found).toEqual(expected);
  });
});

describe("against our own server", () => {
  it.each([1, 2] as const)("version %i.0: what is offered is pulled", async (version) => {
    const clock = manualClock();
    const content = fakeContent(() => "complete");
    const server = createHostedCacheServer({ content, engine, clock });
    const transport = memoryOfferTransport(server, version, "192.0.2.1");
    const client = createOfferClient({ name: "cache", version, transport, servingPort: 80, clock });
    const segment = v1Segment(2);
    client.offer(segment);
    await clock.advance(500);
    client.offer(segment);
    await clock.advance(500);
    expect(content.pulls.map(({ wanted }) => wanted.kind)).toEqual([version === 1 ? "verified" : "blind"]);
    client.close();
    await server.close();
  });
});
