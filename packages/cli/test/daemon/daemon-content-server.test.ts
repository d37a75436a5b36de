/** The daemon's own content server gives the versions of Content Information that the settings name. */
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "@branchcache/cache-store";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { originClient } from "@branchcache/http-encoding/node";
import { silentObserver } from "@branchcache/runtime";
import { systemClock as clock } from "@branchcache/runtime/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { settingsSchema } from "../../src/config/schema.ts";
import { startDaemonContentServer } from "../../src/daemon/daemon-content-server.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "branchcached-content-"));
  await writeFile(join(root, "setup.bin"), seededRandom(5).bytes(300_000));
  // Files that were written just now are not hashed yet.
  await utimes(join(root, "setup.bin"), 1_700_000_000, 1_700_000_000);
});
afterAll(() => rm(root, { recursive: true }));

/** What a client gets that takes versions from 1 to `maxVersion`, and waits for hashes. */
async function answered(versions: readonly number[] | undefined, maxVersion: 1 | 2) {
  const settings = settingsSchema.parse({
    content_server: {
      enabled: true,
      root,
      listen: "127.0.0.1:0",
      secret_file: join(root, ".secret"),
      ...(versions && { versions }),
    },
  });
  const memory = createMemoryStore({ limitBytes: 2 ** 24, clock });
  const server = await startDaemonContentServer(settings.content_server, memory, silentObserver);
  const origin = originClient({ clock });
  try {
    const answer = await origin.open(`${server.url}setup.bin`, { versions: maxVersion, hashRequest: true });
    if (answer.kind === "content-information") {
      return readContentInformation(answer.bytes, nodeHashEngine).version;
    }
    answer.discard();
    let hashed = 0;
    for await (const _ of memory.publications.keys()) hashed++;
    return `content, ${hashed} hashed`;
  } finally {
    await origin.close();
    await server.close();
    await memory.close();
  }
}

describe("content_server.versions", () => {
  it.each([
    [undefined, 2, 2],
    [undefined, 1, 1],
    [[1], 2, 1],
    [[2], 2, 2],
    [[2], 1, "content, 0 hashed"],
  ] as const)("%j gives a client that takes up to version %i: %s", async (versions, maxVersion, expected) => {
    expect(await answered(versions, maxVersion)).toBe(expected);
  });
});
