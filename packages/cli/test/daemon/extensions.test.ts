/** `cache.extensions` of the configuration file: there when the daemon's store is open. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordingObserver } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { settingsSchema } from "../../src/config/schema.ts";
import { openDaemonStore } from "../../src/daemon/daemon-store.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "branchcached-extensions-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function opened(extensions: readonly object[]) {
  const observer = recordingObserver();
  const data = { path: join(directory, "cache"), max_bytes: "64MiB" };
  const store = await openDaemonStore(settingsSchema.parse({ cache: { data, extensions } }), observer);
  try {
    return {
      paths: store.extensions(),
      limitBytes: (await store.blocks.usage()).limitBytes,
      unusable: observer.named("cache.path_unusable").map(({ fields }) => fields["path"]),
    };
  } finally {
    await store.close();
  }
}

describe("cache.extensions", () => {
  const MIB = 2 ** 20;

  it("are added at the start, once, with the limits of now", async () => {
    const [one, two] = [join(directory, "one"), join(directory, "two")];
    expect(await opened([])).toMatchObject({ paths: [], limitBytes: 64 * MIB });
    const first = [{ path: one, max_bytes: "32MiB" }];
    expect(await opened(first)).toMatchObject({ paths: [one], limitBytes: 96 * MIB, unusable: [] });
    const second = [
      { path: one, max_bytes: "128MiB" },
      { path: two, max_bytes: "16MiB" },
    ];
    expect(await opened(second)).toMatchObject({ paths: [one, two], limitBytes: 208 * MIB, unusable: [] });
    // What holds blocks is not thrown away for a line that is missing.
    expect(await opened([])).toMatchObject({ paths: [one, two], limitBytes: 208 * MIB });
  });

  it("are done without where they cannot be opened, which is told", async () => {
    const file = join(directory, "file");
    await writeFile(file, "");
    const { paths, unusable } = await opened([{ path: file }]);
    expect(paths).not.toContain(file);
    expect(unusable).toContain(file);
  });
});
