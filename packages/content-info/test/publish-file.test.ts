import { appendFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePublication, nobleHashEngine, publishBytes } from "@branchcache/content-info";
import { nodeHashEngine, publishFile } from "@branchcache/content-info/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeAndMessage } from "./support.ts";

const MIB = 1 << 20;
let directory = "";
let path = "";
const content = seededRandom(31).bytes(3 * MIB + 4321);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "content-info-"));
  path = join(directory, "content");
});
afterAll(() => rm(directory, { recursive: true }));

describe("publishing a file", () => {
  it.each([0, 1, MIB - 1, MIB, MIB + 1, content.length])(
    "is publishing its bytes: %d of them",
    async (length) => {
      await writeFile(path, content.subarray(0, length));
      const expected = publishBytes(content.subarray(0, length), { engine: nodeHashEngine });
      const { v1, v2 } = await publishFile(path);
      expect(encodePublication(v1!)).toEqual(encodePublication(expected.v1!));
      expect(encodePublication(v2!)).toEqual(encodePublication(expected.v2!));
    },
  );

  it("with another engine and one version", async () => {
    await writeFile(path, content.subarray(0, 200_000));
    const { v1, v2 } = await publishFile(path, {
      engine: nobleHashEngine,
      versions: [1],
      algorithm: "sha384",
    });
    expect(v1!.algorithm).toBe("sha384");
    expect(v2).toBeUndefined();
  });

  it("tells how far it is", async () => {
    await writeFile(path, content);
    const told: number[] = [];
    await publishFile(path, {
      onProgress: (done, total) => {
        expect(total).toBe(content.length);
        told.push(done);
      },
    });
    expect(told).toEqual([MIB, 2 * MIB, 3 * MIB, content.length]);
  });

  it("stops when aborted, before and meanwhile", async () => {
    await writeFile(path, content);
    const reason = new Error("enough");
    await expect(publishFile(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const work = publishFile(path, { signal: controller.signal, onProgress: () => controller.abort(reason) });
    await expect(work).rejects.toBe(reason);
  });

  const changes: readonly (readonly [string, () => void])[] = [
    ["grew", () => appendFileSync(path, "x")],
    ["was cut short", () => writeFileSync(path, content.subarray(0, 100))],
    [
      "was replaced",
      () => {
        writeFileSync(`${path}.new`, content);
        renameSync(`${path}.new`, path);
      },
    ],
    ["was written to", () => utimesSync(path, 1, 1)],
  ];
  it.each(changes)("notices that it %s meanwhile, naming file and offset", async (_, change) => {
    await writeFile(path, content);
    let changed = false;
    const onProgress = () => {
      if (!changed) change();
      changed = true;
    };
    const [code, message] = await codeAndMessage(publishFile(path, { onProgress }));
    expect(code).toBe("BC_CONTENT_CHANGED");
    expect(message).toContain(path);
    expect(message).toMatch(/at byte \d+/);
  });

  it("names a file that cannot be read", async () => {
    const missing = join(directory, "missing");
    const [code, message] = await codeAndMessage(publishFile(missing));
    expect(code).toBe("BC_CONTENT_READ");
    expect(message).toContain(missing);
    expect((await codeAndMessage(publishFile(directory)))[0]).toBe("BC_CONTENT_READ");
  });
});
