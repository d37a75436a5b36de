import type { DownloadReport, Explanation, SegmentExplanation } from "@branchcache/peer-node";
import { describe, expect, it } from "vitest";
import { explainText } from "../../src/terminal/explanation.ts";

const peer = (id: string, address: string) => ({
  id,
  addresses: [{ address, port: 80 }],
  kind: "peer" as const,
});
const quiet = { requests: 4, blocks: 2, bytes: 2_048, empty: 1, timeouts: 0, failures: 0, lies: 0 };
const fetched = { missing: {}, firstAskedMs: 1, endedMs: 20 };

function segment(offsetBytes: number, more: Partial<SegmentExplanation>): SegmentExplanation {
  return { segmentId: "00", offsetBytes, lengthBytes: 1_024, localBytes: 0, fetch: undefined, ...more };
}

function report(explanation: Explanation | undefined, more: Partial<DownloadReport> = {}): DownloadReport {
  return {
    lengthBytes: 4_096,
    bytes: { local: 0, peer: 0, hosted: 0, origin: 0 },
    contentInformationBytes: 1,
    version: 2,
    elapsedMs: 1,
    restarts: 0,
    cached: "kept",
    answer: "content-information",
    ...more,
    ...(explanation ? { explanation } : {}),
  };
}

describe("get --explain", () => {
  it("says who was asked, what came from where, and why the origin", () => {
    const text = explainText(
      report({
        questions: [
          { segments: 2, atMs: 0, answers: 1 },
          { segments: 1, atMs: 5, answers: 0 },
        ],
        peers: [
          { peer: peer("a", "192.0.2.1"), ...quiet, dropped: undefined },
          { peer: peer("b", "fe80::1%eth0"), ...quiet, lies: 1, dropped: "lie" },
        ],
        segments: [
          segment(0, { localBytes: 1_024 }),
          segment(1_024, { fetch: { ...fetched, asked: ["a"], bytesFrom: { a: 1_024 } } }),
          segment(2_048, { fetch: { ...fetched, asked: ["a"], bytesFrom: { a: 1_024 } } }),
          segment(3_072, { fetch: { ...fetched, asked: ["b"], bytesFrom: {}, missing: { failed: 1 } } }),
        ],
      }),
    );
    const lines = text.split("\n").map((line) => line.trim().replace(/ {2,}/g, " | "));
    expect(lines[0]).toBe("Asked the branch 2 times about 3 segments: 1 answer, none to 1 of the questions.");
    expect(lines).toContain("192.0.2.1:80 | 4 | 2 | 2 KiB | 1 | 0 | 0 | 0 | -");
    expect(lines).toContain("[fe80::1%eth0]:80 | 4 | 2 | 2 KiB | 1 | 0 | 0 | 1 | lie");
    expect(lines.slice(-4)).toEqual([
      expect.stringMatching(/^─/),
      "0 | 1 | 1 KiB | - | own cache",
      "1024 | 2 | 2 KiB | 20ms | 192.0.2.1:80",
      "3072 | 1 | 1 KiB | 20ms | origin (those who have it failed; asked [fe80::1%eth0]:80)",
    ]);
  });

  it("what came from several peers in turns has one row, and what did not come from them its own", () => {
    const from = (at: number, id: string) =>
      segment(at, { fetch: { ...fetched, asked: [id], bytesFrom: { [id]: 1_024 } } });
    const missing = segment(4_096, {
      fetch: { ...fetched, asked: ["b"], bytesFrom: {}, missing: { timeout: 1 } },
    });
    const text = explainText(
      report({
        questions: [{ segments: 5, atMs: 0, answers: 2 }],
        peers: [
          { peer: peer("a", "192.0.2.1"), ...quiet, dropped: undefined },
          { peer: peer("b", "192.0.2.2"), ...quiet, dropped: undefined },
        ],
        segments: [
          from(0, "a"),
          from(1_024, "b"),
          from(2_048, "a"),
          from(3_072, "b"),
          missing,
          from(5_120, "b"),
        ],
      }),
    );
    const lines = text.split("\n").map((line) => line.trim().replace(/ {2,}/g, " | "));
    expect(lines.slice(-4)).toEqual([
      expect.stringMatching(/^─/),
      "0 | 4 | 4 KiB | 20ms | 192.0.2.1:80, 192.0.2.2:80",
      "4096 | 1 | 1 KiB | 20ms | origin (those who have it did not answer in time; asked 192.0.2.2:80)",
      "5120 | 1 | 1 KiB | 20ms | 192.0.2.2:80",
    ]);
  });

  it("says that nobody had to be asked", () => {
    const explanation = { questions: [], peers: [], segments: [segment(0, { localBytes: 1_024 })] };
    expect(explainText(report(explanation))).toContain("Everything was in the own cache: nobody was asked.");
  });

  it.each([
    ["kept", "no Content Information yet"],
    ["not-offered", "without Content Information"],
  ] as const)("says why content that was %s came from the origin whole", (cached, reason) => {
    expect(explainText(report(undefined, { answer: "content", cached }))).toContain(reason);
  });
});
