/** A branch in which nobody answers: what looking for peers costs a download. */
import { freeUdpPort } from "@branchcache/cli/testing";
import { equalBytes } from "@branchcache/runtime";
import { recordingObserver, seededRandom } from "@branchcache/runtime/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { branchNode } from "../support/branch-node.ts";
import { type ContentServer, contentServer } from "../support/content-server.ts";

describe("where nobody answers", () => {
  let origin: ContentServer;
  let asked: string[];

  beforeEach(async () => {
    origin = await contentServer();
    asked = [];
    origin.intercept(({ headers }) => {
      asked.push(headers.range ?? "all");
      return false;
    });
  });
  afterEach(() => origin[Symbol.asyncDispose]());

  // The time of one question is the discovery wait, and not a moment more: `fetch.test.ts` has it on a hand-driven clock.
  it("a file of many segments costs one question to the link and one request more than a plain download", async () => {
    const content = seededRandom(31).bytes(4 * 1024 * 1024);
    await origin.put(content);
    // The first to ask gets the content itself, and learns its hashes.
    await using first = await branchNode({ discoveryPort: await freeUdpPort() });
    await first.get(origin.url);
    asked = [];
    const observer = recordingObserver();
    await using node = await branchNode({ discoveryPort: await freeUdpPort(), observer });
    const { content: got, report } = await node.get(origin.url);
    expect(equalBytes(got, content)).toBe(true);
    expect(report.bytes).toMatchObject({ origin: content.length, peer: 0 });
    expect(asked).toEqual(["all", `bytes=0-${content.length - 1}`]);
    // In as many datagrams as it takes, each segment once: not a probe for every one of them.
    const probed = observer.named("probe.sent").map(({ fields }) => Number(fields?.["segments"]));
    expect(probed.length).toBeLessThanOrEqual(8);
    expect(probed.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(64 + 32);
  });

  it("a file under the minimum size costs nothing more", async () => {
    const content = seededRandom(32).bytes(65_535);
    await origin.put(content);
    for (let i = 0; i < 2; i++) {
      const observer = recordingObserver();
      await using node = await branchNode({ discoveryPort: await freeUdpPort(), observer });
      const { content: got } = await node.get(origin.url);
      expect(equalBytes(got, content)).toBe(true);
      expect(observer.named("probe.sent")).toEqual([]);
    }
    expect(asked).toEqual(["all", "all"]);
  });
});
