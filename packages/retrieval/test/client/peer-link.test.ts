import { concatBytes } from "@branchcache/runtime";
import {
  type ManualClock,
  type MemoryHttp,
  manualClock,
  memoryHttp,
  seededRandom,
} from "@branchcache/runtime/testing";
import { beforeEach, describe, expect, it } from "vitest";
import {
  createRetrievalServer,
  encodeMessage,
  negoResponse,
  parseRequest,
  RetrievalClient,
  type RetrievalClientOptions,
} from "../../src/index.ts";
import { memorySource, testSegment } from "../content.ts";

const address = { address: "192.0.2.1", port: 80 };
const other = { address: "192.0.2.2", port: 80 };
const content = testSegment(2, 100, 1);
const { id } = content.segment;

let clock: ManualClock;
let http: MemoryHttp;
beforeEach(() => {
  clock = manualClock();
  http = memoryHttp();
});

const open = (options: Partial<RetrievalClientOptions> = {}) =>
  new RetrievalClient({
    addresses: [address],
    http,
    clock,
    random: seededRandom(1),
    kind: "hosted",
    ...options,
  });

const honest = (at = address, delayMs = 0) => {
  const server = createRetrievalServer({ source: memorySource([content]), clock });
  const seen: string[] = [];
  http.listen(at, async ({ body }) => {
    seen.push(parseRequest(body).kind);
    if (delayMs > 0) await clock.sleep(delayMs);
    const answer = await server.handle(body, "");
    if (answer.kind !== "message") return { status: 400, body: new Uint8Array(0) };
    answer.done();
    return { status: 200, body: concatBytes(...answer.parts) };
  });
  return seen;
};

const versions = (min: number, max: number) =>
  encodeMessage(negoResponse, 1, { min: { major: min, minor: 0 }, max: { major: max, minor: 0 } });

describe("a client that is closed", () => {
  const closed = { kind: "failed", reason: "closed" };

  it("fails what is under way, and what is asked for afterwards, and leaves nothing behind", async () => {
    honest(address, 1_000);
    const client = open();
    const under = [client.getBlock(id, 0), client.negotiate(), client.getSegmentList([id])];
    await clock.advance(500);
    client.close();
    client.close();
    expect(await Promise.all(under)).toEqual([closed, closed, closed]);
    expect(await client.getBlock(id, 0)).toEqual(closed);
    await clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });

  it("ends with the block that holds it", async () => {
    honest();
    let asked: ReturnType<RetrievalClient["getBlock"]>;
    {
      using client = open();
      asked = client.getBlock(id, 0);
    }
    expect(await asked).toEqual(closed);
  });
});

describe("request timer", () => {
  it.each([
    [undefined, 2_000],
    [500, 500],
  ])("PCCRR-74 PCCRR-76 set to %s it fires after %i ms, not before", async (timeoutMs, fires) => {
    http.listen(address, () => new Promise(() => {}));
    const client = open(timeoutMs === undefined ? {} : { timeoutMs });
    let result: unknown;
    void client.getBlock(id, 0).then((value) => {
      result = value;
    });
    await clock.advance(fires - 1);
    expect(result).toBeUndefined();
    await clock.advance(1);
    expect(result).toEqual({ kind: "failed", reason: "timeout" });
    expect(clock.pending).toBe(0);
  });

  it("each request has its own time; those behind one that timed out are lost with it", async () => {
    honest(address, 1_500);
    const client = open();
    const first = client.getBlock(id, 0);
    await clock.advance(1_000);
    const second = client.getBlock(id, 0);
    await clock.advance(500);
    expect((await first).kind).toBe("block");
    await clock.advance(1_000);
    expect((await second).kind).toBe("block");
    http.listen(address, () => new Promise(() => {}));
    const third = client.getBlock(id, 0);
    await clock.advance(700);
    const fourth = client.getBlock(id, 0);
    await clock.advance(1_300);
    expect(await third).toEqual({ kind: "failed", reason: "timeout" });
    expect(await fourth).toEqual({ kind: "failed", reason: "lost" });
    expect(clock.pending).toBe(0);
  });

  it.each([
    ["has answered", 2_010, "block"],
    ["stays silent", Number.POSITIVE_INFINITY, "failed"],
  ] as const)(
    "gives a peer that %s the time for which this process was held up",
    async (_, delayMs, kind) => {
      let heldUpMs = 0;
      if (delayMs < Number.POSITIVE_INFINITY) honest(address, delayMs);
      else http.listen(address, () => new Promise(() => {}));
      const client = open({ clock: { ...clock, monotonicMs: () => clock.monotonicMs() + heldUpMs } });
      let result: { readonly kind: string } | undefined;
      void client.getBlock(id, 0).then((value) => {
        result = value;
      });
      await clock.advance(1_999);
      heldUpMs = 1_000;
      await clock.advance(1_000);
      expect(result?.kind).toBe(kind === "block" ? "block" : undefined);
      await clock.advance(1);
      expect(result?.kind).toBe(kind);
      expect(clock.pending).toBe(0);
    },
  );

  it("PCCRR-94 an answer stops it", async () => {
    honest();
    await open().getBlockList(id, [0]);
    expect(clock.pending).toBe(0);
  });
});

describe("versions", () => {
  it("PCCRR-71 PCCRR-77 PCCRR-86 negotiation gives the highest in common", async () => {
    http.listen(address, async () => ({ status: 200, body: versions(1, 1) }));
    expect(await open().negotiate()).toEqual({ kind: "version", major: 1 });
    http.listen(address, async () => ({ status: 200, body: versions(3, 4) }));
    expect(await open().negotiate()).toEqual({ kind: "failed", reason: "version" });
  });

  it.each([
    ["PCCRR-84 the request is sent again, and answered", 1, "block", 2],
    ["PCCRR-85 but not a second time", 9, "failed", 2],
  ])("%s", async (_, refusals, kind, requests) => {
    const seen = honest();
    const answer = http.connect(address);
    let asked = 0;
    http.listen(other, async ({ body, path }) => {
      if (asked++ < refusals) return { status: 200, body: versions(1, 2) };
      return answer.post(path, body, { maxBodyBytes: 1_000 });
    });
    expect((await open({ addresses: [other] }).getBlock(id, 0)).kind).toBe(kind);
    expect(asked).toBe(requests);
    expect(seen.length).toBe(kind === "block" ? 1 : 0);
  });

  it("PCCRR-87 no version in common: not sent again", async () => {
    let asked = 0;
    http.listen(address, async () => {
      asked++;
      return { status: 200, body: versions(3, 9) };
    });
    expect(await open().getBlockList(id, [0])).toEqual({ kind: "failed", reason: "version" });
    expect(asked).toBe(1);
  });

  it("PCCRR-83 a refused version is matched by server: what another was asked is not sent again", async () => {
    const seen = { [address.address]: 0, [other.address]: 0 };
    for (const at of [address, other]) {
      http.listen(at, async () => {
        seen[at.address] = (seen[at.address] ?? 0) + 1;
        if (at === address) return { status: 200, body: versions(1, 2) };
        return new Promise(() => {});
      });
    }
    const results = Promise.all([open().getBlock(id, 0), open({ addresses: [other] }).getBlock(id, 0)]);
    await clock.advance(2_000);
    expect((await results).map((each) => each.kind === "failed" && each.reason)).toEqual([
      "version",
      "timeout",
    ]);
    expect(seen).toEqual({ [address.address]: 2, [other.address]: 1 });
  });

  it.each(["time-out", "close"])("PCCRR-83 a refused version after a %s is dropped", async (end) => {
    let asked = 0;
    http.listen(address, async () => {
      asked++;
      await clock.sleep(3_000);
      return { status: 200, body: versions(1, 2) };
    });
    const client = open();
    const results: unknown[] = [];
    void client.getBlock(id, 0).then((result) => results.push(result));
    await clock.advance(end === "close" ? 1_000 : 2_000);
    if (end === "close") client.close();
    await clock.advance(5_000);
    expect(asked).toBe(1);
    expect(results).toEqual([{ kind: "failed", reason: end === "close" ? "closed" : "timeout" }]);
    expect(clock.pending).toBe(0);
  });

  it("PCCRR-86 an answer to a negotiation that is none", async () => {
    const { block } = await import("../../src/index.ts");
    const none = new Uint8Array(0);
    const body = encodeMessage(block, 0, {
      segmentId: id,
      blockIndex: 0,
      nextBlockIndex: 0,
      data: none,
      verification: none,
      iv: none,
    });
    http.listen(address, async () => ({ status: 200, body }));
    expect(await open().negotiate()).toEqual({ kind: "failed", reason: "mismatch" });
  });
});

describe("addresses", () => {
  it("PCCRR-10 the next one when the first refuses, and it is remembered", async () => {
    const seen = honest(other);
    const client = open({ addresses: [address, other] });
    const both = await Promise.all([client.getBlock(id, 0), client.getBlock(id, 0)]);
    expect(both.map(({ kind }) => kind)).toEqual(["block", "block"]);
    expect((await client.getBlock(id, 0)).kind).toBe("block");
    expect(seen).toHaveLength(3);
  });

  it("all refuse", async () => {
    const client = open({ addresses: [address, other] });
    const results = await Promise.all([client.getBlock(id, 0), client.getBlock(id, 0)]);
    expect(results).toEqual(results.map(() => ({ kind: "failed", reason: "connect" })));
    expect(await open({ addresses: [] }).getBlock(id, 0)).toEqual({ kind: "failed", reason: "connect" });
    expect(clock.pending).toBe(0);
  });

  it("after a time-out the other one", async () => {
    http.listen(address, () => new Promise(() => {}));
    honest(other);
    const client = open({ addresses: [address, other] });
    const first = client.getBlock(id, 0);
    await clock.advance(2_000);
    expect(await first).toEqual({ kind: "failed", reason: "timeout" });
    expect((await client.getBlock(id, 0)).kind).toBe("block");
  });
});

describe("failures are values", () => {
  it("PCCRR-104 a status, junk, the end of the connection", async () => {
    const client = open();
    http.listen(address, async () => ({ status: 503, body: new Uint8Array(0) }));
    expect(await client.getBlock(id, 0)).toEqual({ kind: "failed", reason: "status", peerStatus: 503 });
    http.listen(address, async () => ({ status: 200, body: new Uint8Array(30) }));
    expect(await client.getBlock(id, 0)).toEqual({ kind: "failed", reason: "malformed" });
    http.listen(address, () => Promise.reject(new Error("gone")));
    expect(await client.getBlock(id, 0)).toEqual({ kind: "failed", reason: "closed" });
    http.listen(address, async () => ({ status: 200, body: new Uint8Array(400_000) }));
    expect(await client.getBlock(id, 0)).toEqual({ kind: "failed", reason: "malformed" });
    honest();
    expect((await client.getBlock(id, 0)).kind).toBe("block");
  });

  it("PCCRR-73 a segment list is not asked of a peer", () => {
    expect(() => open({ kind: "peer" }).getSegmentList([id])).toThrow(
      expect.objectContaining({ code: "BC_NOT_HOSTED_CACHE" }),
    );
  });

  it("PCCRR-44 PCCRR-45 PCCRR-48 segment list: requests have IDs of their own, and no blob", async () => {
    const seen: string[] = [];
    http.listen(address, async ({ body }) => {
      const request = parseRequest(body);
      if (request.kind !== "getSegmentList") throw new Error("another request");
      expect(request.body.blob).toHaveLength(0);
      seen.push(request.body.requestId.join());
      return { status: 200, body: new Uint8Array(0) };
    });
    const client = open();
    await Promise.all([client.getSegmentList([id]), client.getSegmentList([id])]);
    expect(new Set(seen).size).toBe(2);
  });

  it("the signal rejects with its reason, before and during", async () => {
    http.listen(address, () => new Promise(() => {}));
    const client = open();
    const stop = new AbortController();
    const reason = new Error("enough");
    const during = client.getBlock(id, 0, stop.signal);
    stop.abort(reason);
    await expect(during).rejects.toBe(reason);
    await expect(client.getBlock(id, 0, stop.signal)).rejects.toBe(reason);
    client.close();
    client.close();
    expect(clock.pending).toBe(0);
  });
});
