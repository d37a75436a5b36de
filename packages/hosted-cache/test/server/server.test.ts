import { type Segment, writeSegmentInformation } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { concatBytes, encode, toHex } from "@branchcache/runtime";
import { manualClock, recordingObserver } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import {
  batchedOffer,
  contentTag,
  createHostedCacheServer,
  descriptorOf,
  type HostedCacheServerOptions,
  headerOf,
  initialOffer,
  type OfferVersion,
  type PullJob,
  type PullOutcome,
  parseResponse,
  type SegmentDescriptor,
  segmentInfo,
} from "../../src/index.ts";
import { fakeContent } from "../../src/testing.ts";
import { hex, v1Segment, v2Segments } from "../content.ts";

const tag = contentTag("WinINet");
const CLIENT = "192.0.2.7";

function hostedCache(
  outcome?: (job: PullJob) => PullOutcome,
  options: Partial<HostedCacheServerOptions> = {},
) {
  const clock = manualClock();
  const observer = recordingObserver();
  const content = fakeContent(outcome);
  const server = createHostedCacheServer({ content, engine, clock, observer, ...options });
  /** What the client reads, after which the cache begins its work. */
  const send = async (version: OfferVersion, body: Uint8Array, from = CLIENT): Promise<string> => {
    const answer = await server.handle(version, body, from);
    if (answer.kind !== "response") return answer.kind;
    answer.answered();
    await clock.settle();
    return parseResponse(answer.body);
  };
  return { clock, observer, content, server, send };
}

const offerOf = (segment: Segment, port = 80): Uint8Array =>
  encode(initialOffer, { header: headerOf(1, 1, port), segmentId: segment.id });
const infoOf = (information: Uint8Array, port = 80): Uint8Array =>
  encode(segmentInfo, { header: headerOf(1, 2, port), contentTag: tag, information });
const batchOf = (...segments: readonly Segment[]): Uint8Array =>
  batchOfDescriptors(...segments.flatMap((segment) => descriptorOf(segment, tag) ?? []));
const batchOfDescriptors = (...segments: readonly SegmentDescriptor[]): Uint8Array =>
  encode(batchedOffer, { header: headerOf(2, 3, 80), segments });
const [one, two] = v2Segments(2) as [Segment, Segment];
const whole = v1Segment(3);
const information = writeSegmentInformation(whole);
const descriptor = descriptorOf(one, tag) as SegmentDescriptor;

/** `bytes` with others in their place. */
const patched = (bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array => {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
};

describe("the table of what Windows does", () => {
  const twoSegments = patched(information, 14, 2);
  const rows: readonly [string, OfferVersion, Uint8Array, string, number][] = [
    [
      "PCHC-54 a version 1.0 header of version 0xFE.0xFE",
      1,
      hex("fefe0001000000000050000000000000"),
      "dropped",
      0,
    ],
    ["PCHC-54 a version 1.0 header of type 0xFEFE", 1, hex("0001fefe000000000050000000000000"), "dropped", 0],
    ["PCHC-38 a SEGMENT_INFO of CI version 0xFEFE", 1, infoOf(patched(information, 0, 0xfe, 0xfe)), "ok", 0],
    ["PCHC-38 a SEGMENT_INFO of dwHashAlgo 0xFEFE", 1, infoOf(patched(information, 2, 0xfe, 0xfe)), "ok", 0],
    ["PCHC-38 a SEGMENT_INFO without a description", 1, infoOf(information.subarray(0, 18)), "ok", 0],
    [
      "PCHC-38 a SEGMENT_INFO with nothing behind its header",
      1,
      infoOf(new Uint8Array(0)).subarray(0, 16),
      "ok",
      0,
    ],
    ["PCHC-38 a SEGMENT_INFO of two segments", 1, infoOf(twoSegments), "ok", 0],
    ["PCHC-54 a BATCHED_OFFER without a descriptor", 2, batchOf(one).subarray(0, 16), "dropped", 0],
    [
      "PCHC-54 a BATCHED_OFFER of 129 descriptors",
      2,
      concatBytes(batchOf(one), ...Array.from({ length: 128 }, () => batchOf(two).subarray(16))),
      "dropped",
      0,
    ],
    ["PCHC-54 a BATCHED_OFFER with SizeOfContentTag 0", 2, patched(batchOf(one), 24, 0, 0), "dropped", 0],
    [
      "PCHC-39 a BATCHED_OFFER of HashAlgorithm 0xFE",
      2,
      batchOfDescriptors({ ...descriptor, hashAlgorithm: 0xfe }),
      "ok",
      0,
    ],
    ["PCHC-52 PCHC-53 a valid BATCHED_OFFER", 2, batchOf(one, two), "ok", 2],
    ["PCHC-49 PCHC-50 a SEGMENT_INFO without an INITIAL_OFFER before it", 1, infoOf(information), "ok", 1],
  ];
  it.each(rows)("%s", async (_, version, body, answer, pulls) => {
    const { content, send, server } = hostedCache(() => "complete");
    expect(await send(version, body)).toEqual(answer);
    await server.idle();
    expect(content.pulls).toHaveLength(pulls);
  });

  it("PCHC-39 a BATCHED_OFFER sent again: ok, and nothing is pulled twice", async () => {
    const { content, send } = hostedCache(() => "complete");
    for (let i = 0; i < 3; i++) expect(await send(2, batchOf(one, two))).toEqual("ok");
    expect(content.pulls).toHaveLength(2);
  });

  it.each(["failed", "lied", "nothing"] as const)(
    "PCHC-44 an INITIAL_OFFER after a SEGMENT_INFO whose data %s: interested",
    async (outcome) => {
      const { send } = hostedCache(() => outcome);
      expect(await send(1, infoOf(information))).toEqual("ok");
      expect(await send(1, offerOf(whole))).toEqual("interested");
    },
  );

  it("one broken descriptor in a message drops it all", async () => {
    const { content, send } = hostedCache(() => "complete");
    const body = concatBytes(batchOf(one), patched(batchOf(two), 20, 0, 0, 0, 0).subarray(16));
    expect(await send(2, body)).toEqual("dropped");
    expect(content.pulls).toEqual([]);
  });
});

describe("version 1.0", () => {
  it("PCHC-37 PCHC-42 PCHC-44 is interested in what it does not know, and pulls nothing", async () => {
    const { content, send } = hostedCache();
    expect(await send(1, offerOf(whole))).toEqual("interested");
    expect(content.pulls).toEqual([]);
  });

  it("PCHC-47 PCHC-50 pulls with all that is needed to verify, and under the content tag", async () => {
    const { content, send } = hostedCache();
    await send(1, infoOf(information, 1337));
    const [job] = content.pulls;
    if (job?.wanted.kind !== "verified") throw new Error("not verified");
    expect(job.from).toEqual({ address: CLIENT, port: 1337 });
    expect(job.wanted.segment.blockHashes).toEqual(whole.blockHashes);
    expect(toHex(job.wanted.segment.id)).toEqual(toHex(whole.id));
    expect(job.wanted.segment.secret).toEqual(whole.secret);
  });

  it("PCHC-51 passes the content tag on, of both versions", async () => {
    const { content, send } = hostedCache();
    await send(1, infoOf(information));
    await send(2, batchOf(one));
    expect(content.pulls.map(({ wanted }) => wanted.tag)).toEqual(["WinINet", "WinINet"]);
  });

  it("PCHC-43 PCHC-45 answers ok once the list is known, and pulls what is missing", async () => {
    const { content, send } = hostedCache();
    content.knownSegments.set(toHex(whole.id), { segment: whole, missing: true });
    expect(await send(1, offerOf(whole, 8080))).toEqual("ok");
    expect(content.pulls.map(({ from, wanted }) => [from.port, wanted.kind])).toEqual([[8080, "verified"]]);
  });

  it("PCHC-43 answers ok and pulls nothing when all is held", async () => {
    const { content, send } = hostedCache(() => "complete");
    await send(1, infoOf(information));
    expect(await send(1, offerOf(whole))).toEqual("ok");
    expect(await send(1, infoOf(information))).toEqual("ok");
    expect(content.pulls).toHaveLength(1);
  });

  it("PCHC-50 does not pull for a list that contradicts its hash of data", async () => {
    const { content, send } = hostedCache();
    const broken = information.slice();
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
    expect(await send(1, infoOf(broken))).toEqual("ok");
    expect(content.pulls).toEqual([]);
  });
});

describe("version 2.0", () => {
  it("PCHC-52 answers before anything is looked up or pulled", async () => {
    const { content, server } = hostedCache();
    const answer = await server.handle(2, batchOf(one), CLIENT);
    expect(answer.kind).toEqual("response");
    await Promise.resolve();
    expect([content.pulls.length, server.queued]).toEqual([0, 0]);
  });

  it("pulls with what is known to verify a segment offered by its identifier alone", async () => {
    const { content, send } = hostedCache();
    content.states.set(toHex(whole.id), { state: "missing", known: whole });
    await send(2, batchOf(whole));
    expect(content.pulls[0]?.wanted.kind).toEqual("verified");
  });

  it("pulls a poisoned copy anew from one of two others that offer it again", async () => {
    const { clock, content, send } = hostedCache(() => "complete");
    await send(2, batchOf(one), "192.0.2.66");
    await clock.advance(10_000);
    await send(2, batchOf(one), "192.0.2.1");
    expect(content.pulls).toHaveLength(1);
    await send(2, batchOf(one), "192.0.2.2");
    expect(content.pulls.map(({ from, replaces }) => [from.address, replaces])).toEqual([
      ["192.0.2.66", false],
      ["192.0.2.1", true],
    ]);
  });
});

describe("limits", () => {
  it("refuses to pull from addresses that it is told not to, and from port 0", async () => {
    const { content, observer, send } = hostedCache(() => "complete", {
      pullFault: ({ address }) => (address === "127.0.0.1" ? "loopback" : undefined),
    });
    expect(await send(2, batchOf(one), "127.0.0.1")).toEqual("ok");
    expect(await send(2, patched(batchOf(one), 8, 0, 0))).toEqual("ok");
    expect(content.pulls).toEqual([]);
    expect(observer.named("offer.refused").map(({ fields }) => fields["reason"])).toEqual([
      "loopback",
      "port 0",
    ]);
  });

  it("looks at so many messages of one client in a second, and at those of others", async () => {
    const { clock, send } = hostedCache(() => "complete", { offersPerSecond: 10, offersAtOnce: 20 });
    const answers = [];
    for (let i = 0; i < 22; i++) answers.push(await send(2, batchOf(one)));
    expect(answers.filter((answer) => answer === "ok")).toHaveLength(20);
    expect(answers.at(-1)).toEqual("tooMany");
    expect(await send(2, batchOf(one), "192.0.2.8")).toEqual("ok");
    await clock.advance(100);
    expect([await send(2, batchOf(one)), await send(2, batchOf(one))]).toEqual(["ok", "tooMany"]);
  });

  it("survives a store that fails, and a pull that throws", async () => {
    const { content, observer, send } = hostedCache(() => {
      throw new Error("no disk");
    });
    await send(2, batchOf(one));
    expect(observer.named("hosted.pull_failed")).toHaveLength(2);
    content.held = () => Promise.reject(new Error("no store"));
    expect(await send(2, batchOf(one))).toEqual("ok");
    content.known = () => Promise.reject(new Error("no store"));
    expect(await send(1, offerOf(whole))).toEqual("dropped");
    expect(observer.named("cache.corrupt")).toHaveLength(2);
  });

  it("ends what is under way when it is closed, twice", async () => {
    const { clock, content, send, server } = hostedCache();
    await send(2, batchOf(one, two));
    expect(content.pulls).toHaveLength(2);
    await server.close();
    await server.close();
    expect(clock.pending).toEqual(0);
  });

  it("counts and measures", async () => {
    const { observer, send } = hostedCache(() => "complete");
    await send(2, batchOf(one));
    await send(1, hex("fefe"));
    expect(observer.total("hosted_offers_total", { direction: "received", result: "interested" })).toEqual(1);
    expect(observer.total("hosted_offers_total", { direction: "received", result: "failed" })).toEqual(1);
    expect(observer.last("hosted_offer_queue", { direction: "received" })).toEqual(0);
  });
});
