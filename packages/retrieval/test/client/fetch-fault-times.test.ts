/** How long a peer that misbehaves can hold up a download, and what the report says about it. */
import { describe, expect, it } from "vitest";
import type { FetchReport, PeerReport } from "../../src/index.ts";
import type { MessageFault } from "../../src/testing.ts";
import { allBlocks, testSegment } from "../content.ts";
import { clockedPeers, expectAll } from "./clocked-peers.ts";

const segments = Array.from({ length: 40 }, (_, i) => testSegment(2, 1_000 + i, 20 + i));
const wanted = allBlocks(segments);
/** An answer takes 1 ms, and the finder 300. */
const FINDER_MS = 300;

type Named = Partial<PeerReport>;
const failure: Named = { failures: 3, dropped: "failures" };
const version: Named = { failures: 1, dropped: "version" };
const lie: Named = { lies: 1, dropped: "lie" };

/** What the report says of it, and how long it holds up a download that has nobody else, the finder included. */
const alone: Readonly<Record<MessageFault | "stall" | "drop", { named: Named; ms: number }>> = {
  "wrong-bytes": { named: lie, ms: 1 },
  "no-cipher": { named: lie, ms: 1 },
  "wrong-index": { named: failure, ms: 3 },
  "wrong-segment": { named: failure, ms: 3 },
  "short-block": { named: failure, ms: 3 },
  "odd-block": { named: failure, ms: 3 },
  "short-iv": { named: failure, ms: 3 },
  "wrong-size": { named: failure, ms: 3 },
  "wrong-message-size": { named: failure, ms: 3 },
  truncated: { named: failure, ms: 3 },
  trailing: { named: failure, ms: 3 },
  "unknown-type": { named: failure, ms: 3 },
  "request-type": { named: failure, ms: 3 },
  "unknown-cipher": { named: failure, ms: 3 },
  "count-overrun": { named: failure, ms: 3 },
  "wrong-padding": { named: { failures: 0, dropped: undefined, blocks: 40 }, ms: 40 },
  nego: { named: version, ms: 2 },
  "nego-incompatible": { named: version, ms: 1 },
  "empty-block": { named: { empty: 4, dropped: "empty" }, ms: 704 },
  drop: { named: failure, ms: 3 },
  /** Three request timers. */
  stall: { named: { timeouts: 3, dropped: "timeouts" }, ms: 6_000 },
};
const faults = Object.entries(alone) as [keyof typeof alone, { named: Named; ms: number }][];

describe("a peer that misbehaves", () => {
  it.each(faults)("alone, %s: is named, and costs so much time and no more", async (fault, { ms, named }) => {
    const { finderOf, run, startPeer } = clockedPeers();
    const bad = startPeer("bad", segments, { fault: () => fault });
    const reports: FetchReport[] = [];
    // Found rather than known, so that an empty block is one of what it advertised.
    const { finder } = finderOf([{ source: bad.source, holds: () => true }]);
    const { pieces, tookMs } = await run(wanted, { finder, onReport: (report) => reports.push(report) });
    expect(pieces).toHaveLength(wanted.length);
    expect(reports[0]?.peers).toEqual([expect.objectContaining({ peer: bad.source, ...named })]);
    expect(tookMs).toBeLessThanOrEqual(FINDER_MS + ms + 1);
  });

  it.each(faults)("beside an honest one, %s: half a second at most, and nothing missing", async (fault) => {
    const { run, startPeer } = clockedPeers();
    const bad = startPeer("bad", segments, { fault: () => fault });
    const good = startPeer("good", segments, { delayMs: 5 });
    const reports: FetchReport[] = [];
    const result = await run(wanted, {
      peers: [bad.source, good.source],
      onReport: (report) => reports.push(report),
    });
    expectAll(segments, result);
    expect(result.tookMs).toBeLessThanOrEqual(500);
    const [first, second] = reports[0]?.peers ?? [];
    expect(second).toMatchObject({ peer: good.source, lies: 0, failures: 0, dropped: undefined });
    // A stall is not over yet when the honest one has given everything; what it knows by then it says.
    if (fault !== "stall" && fault !== "empty-block") {
      const { lies = 0, failures = 0, dropped } = alone[fault].named;
      expect(first).toMatchObject({ peer: bad.source, lies, failures, dropped });
    }
  });

  it("all of them at once, and one honest: three seconds at most", async () => {
    const { run, startPeer } = clockedPeers();
    const bad = faults
      .filter(([fault]) => fault !== "wrong-padding")
      .map(([fault]) => startPeer(fault, segments, { fault: () => fault }));
    const good = startPeer("good", segments);
    const reports: FetchReport[] = [];
    const result = await run(wanted, {
      maxPeers: 100,
      peers: [...bad, good].map(({ source }) => source),
      onReport: (report) => reports.push(report),
    });
    expectAll(segments, result);
    expect(result.tookMs).toBeLessThanOrEqual(3_000);
    const liars = reports[0]?.peers.filter(({ lies }) => lies > 0).map(({ peer }) => peer.id);
    expect(liars).toEqual(["wrong-bytes", "no-cipher"]);
  });
});
