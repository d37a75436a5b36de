/** What a client asks content servers for follows `content_info.preferred`. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeUdpPort } from "@branchcache/cli/testing";
import { interceptedDispatcher } from "@branchcache/http-encoding/node";
import { branchCacheInterceptor } from "@branchcache/peer-node";
import { systemClock } from "@branchcache/runtime/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { branchNode } from "../support/branch-node.ts";
import { command } from "../support/commands.mjs";
import { type ContentServer, contentServer } from "../support/content-server.ts";
import { runCommand } from "../support/run-command.ts";

let origin: ContentServer;
let directory: string;
const asked: string[] = [];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "branchcache-version-"));
  origin = await contentServer();
  await origin.put(seededRandom(12).bytes(300_000));
  origin.intercept(({ headers }) => {
    asked.push(String(headers["x-p2p-peerdistex"]));
    return false;
  });
});
afterAll(async () => {
  await origin[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const upTo = (version: 1 | 2) =>
  expect.stringContaining(`MinContentInformation=1.0, MaxContentInformation=${version}.0`);

describe("content_info.preferred", () => {
  it.each([
    [{ content_info: { preferred: 1 } }, [], 1],
    [{ content_info: { preferred: 1 } }, ["--max-version", "2"], 2],
    [{}, [], 2],
  ] as const)("%j has get %j ask for versions up to %i", async (settings, options, version) => {
    const config = join(directory, "branchcache.json");
    await writeFile(
      config,
      JSON.stringify({ ...settings, cache: { data: { path: join(directory, "cache") } } }),
    );
    asked.length = 0;
    const words = ["get", origin.url, "-o", join(directory, "got"), "--no-daemon", "--mode", "local", "-q"];
    const ended = await runCommand(command("branchcache", "--config", config, ...words, ...options));
    expect(ended).toMatchObject({ code: 0, complaint: "" });
    expect(asked[0]).toEqual(upTo(version));
  });

  it("and maxVersion of the interceptor go for every request of a fetch", async () => {
    await using node = await branchNode({ discoveryPort: await freeUdpPort() });
    const dispatcher = interceptedDispatcher(
      branchCacheInterceptor({ branchCache: node.node, clock: systemClock, maxVersion: 1 }),
    );
    asked.length = 0;
    await (await fetch(origin.url, { dispatcher: dispatcher as never })).arrayBuffer();
    await dispatcher.close();
    const offers = asked.filter((text) => text.includes("ContentInformation"));
    expect(offers.length).toBeGreaterThan(0);
    for (const text of offers) expect(text).toEqual(upTo(1));
  });
});
