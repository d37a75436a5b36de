/** The checks of upload limit and timer, which keep a server busy: against ours, and against one with a fault. */
import { createServer } from "node:http";
import { retrievalServer } from "@branchcache/conformance";
import { closeServer, listen } from "@branchcache/peer-node";
import { createRetrievalServer } from "@branchcache/retrieval";
import { retrievalRequestListener } from "@branchcache/retrieval/node";
import { silentObserver } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HeldContent, heldContent } from "./support/held-content.ts";
import { failedIds, run } from "./support/outcomes.ts";

let held: HeldContent;
beforeAll(async () => {
  held = await heldContent(1);
});
afterAll(() => held[Symbol.asyncDispose]());

describe("a server whose slots are all taken", () => {
  const LIMIT = 2;
  const TIMER_MS = 1_500;
  const data = new Uint8Array(65_552);

  /** Says that it holds whatever it is asked for. */
  async function busyServer(settings: { readonly maxUploads: number; readonly uploadTimeoutMs: number }) {
    const server = createRetrievalServer({
      ...settings,
      clock: systemClock,
      source: {
        heldBlocks: async () => [0],
        block: async () => ({ sealed: { cipher: 1, iv: new Uint8Array(16), data }, nextBlockIndex: 0 }),
      },
    });
    const listener = retrievalRequestListener(server);
    const http = createServer(listener);
    const { port } = await listen(http, { host: "127.0.0.1", port: 0 }, silentObserver);
    return {
      target: {
        server: { address: "127.0.0.1", port },
        information: held.information,
        random: seededRandom(1),
        timeoutMs: 3_000,
        uploads: { limit: LIMIT, timerMs: TIMER_MS, clock: systemClock },
      },
      [Symbol.asyncDispose]: () => closeServer(http, 0),
    };
  }

  it.concurrent.each([
    { name: "keeps both rules", maxUploads: LIMIT, uploadTimeoutMs: TIMER_MS, fails: [] },
    {
      name: "serves more than it says",
      maxUploads: 64,
      uploadTimeoutMs: TIMER_MS,
      fails: ["upload-limit", "upload-timer"],
    },
    { name: "waits for ever", maxUploads: LIMIT, uploadTimeoutMs: 600_000, fails: ["upload-timer"] },
  ])("PCCRR-109 PCCRR-114 PCCRR-116 $name", async ({ fails, ...settings }) => {
    await using busy = await busyServer(settings);
    const report = await run(retrievalServer, busy.target, ["upload-limit", "upload-timer"]);
    expect(failedIds(report)).toEqual(fails);
    expect(report.results.map(({ outcome }) => outcome)).not.toContain("inconclusive");
  });
});
