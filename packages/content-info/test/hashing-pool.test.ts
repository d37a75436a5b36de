import { appendFileSync, truncateSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePublication, type Publications, publishBytes } from "@branchcache/content-info";
import {
  createHashingPool,
  nodeHashEngine as engine,
  type PoolFileOptions,
} from "@branchcache/content-info/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeAndMessage, exampleContent } from "./support.ts";

const MIB = 1 << 20;
const pool = createHashingPool({ workers: 2 });
let directory = "";
let path = "";

/** Random at first, then of a period, so that segments of all lengths occur; over one version 1.0 segment. */
const content = new Uint8Array(35 * MIB + 4321);
content.set(seededRandom(41).bytes(9 * MIB));
content.set(exampleContent(26 * MIB + 4321), 9 * MIB);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "content-info-"));
  path = join(directory, "content");
  await writeFile(path, content);
});
afterAll(async () => {
  await pool.close();
  await rm(directory, { recursive: true });
});

const encoded = ({ v1, v2 }: Publications) => [v1 && encodePublication(v1), v2 && encodePublication(v2)];

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const chunk = bytes.slice(at, at + sizes[turn % sizes.length]!);
    at += chunk.length;
    yield chunk;
    chunk.fill(0);
  }
}

describe("the hashing pool", () => {
  it("gives what hashing on one thread gives, of files", async () => {
    const expected = encoded(publishBytes(content, { engine }));
    expect(encoded(await pool.publishFile(path))).toEqual(expected);
  });

  it("with one worker, too", async () => {
    const single = createHashingPool({ workers: 1 });
    expect(encoded(await single.publishFile(path))).toEqual(encoded(publishBytes(content, { engine })));
    await single.close();
  });

  const choices: readonly (readonly [string, PoolFileOptions])[] = [
    ["version 1.0 alone", { versions: [1] }],
    ["version 1.0 by SHA-512", { versions: [1], algorithm: "sha512" }],
    ["version 2.0 alone", { versions: [2] }],
  ];
  it.each(choices)("%s", async (_, options) => {
    const expected = encoded(publishBytes(content, { engine, ...options }));
    expect(encoded(await pool.publishFile(path, options))).toEqual(expected);
  });

  it.each([0, 1, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 4 * MIB, 6 * MIB + 99])(
    "files of %d bytes",
    async (length) => {
      const part = join(directory, "part");
      await writeFile(part, content.subarray(0, length));
      const expected = encoded(publishBytes(content.subarray(0, length), { engine }));
      expect(encoded(await pool.publishFile(part))).toEqual(expected);
      expect(encoded(await pool.publishStream(chunksOf(content.subarray(0, length), [length])))).toEqual(
        expected,
      );
    },
  );

  it("streams in chunks of any size, reused meanwhile", async () => {
    const part = content.subarray(0, 10 * MIB + 17);
    const expected = encoded(publishBytes(part, { engine }));
    expect(encoded(await pool.publishStream(chunksOf(part, [70_001, 3 * MIB, 1, 65_536])))).toEqual(expected);
    expect(encoded(await pool.publishStream([part.subarray(0, 5), part.subarray(5)]))).toEqual(expected);
  });

  it("several at once", async () => {
    const parts = [3, 5, 7, 9].map((mib) => content.subarray(0, mib * MIB + mib));
    const results = await Promise.all(parts.map((part) => pool.publishStream([part])));
    for (const [index, part] of parts.entries()) {
      expect(encoded(results[index]!)).toEqual(encoded(publishBytes(part, { engine })));
    }
  });

  it("tells in order how far it is", async () => {
    const told: number[] = [];
    await pool.publishFile(path, {
      onProgress: (done, total) => {
        expect(total).toBe(content.length);
        told.push(done);
      },
    });
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told.at(-1)).toBe(content.length);
    expect(told.length).toBeGreaterThan(4);
  });

  it("stops when aborted: before, meanwhile, and in a stream that has stalled", async () => {
    const reason = new Error("enough");
    await expect(pool.publishFile(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const midway = new AbortController();
    const work = pool.publishFile(path, { signal: midway.signal, onProgress: () => midway.abort(reason) });
    await expect(work).rejects.toBe(reason);

    const stalled = new AbortController();
    let returned = false;
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          setImmediate(() => stalled.abort(reason));
          return new Promise(() => undefined);
        },
        return: async () => {
          returned = true;
          return { done: true, value: undefined };
        },
      }),
    };
    await expect(pool.publishStream(source, { signal: stalled.signal })).rejects.toBe(reason);
    expect(returned).toBe(true);
  });

  it("a failing stream is named with the offset", async () => {
    async function* failing() {
      yield content.subarray(0, 3 * MIB);
      throw new Error("line went dead");
    }
    const [code, message] = await codeAndMessage(pool.publishStream(failing(), { name: "upload 7" }));
    expect(code).toBe("BC_CONTENT_READ");
    expect(message).toBe(`upload 7 at byte ${3 * MIB}: line went dead`);
  });

  it("a file that changes meanwhile is noticed, one that is not there named", async () => {
    const changing = join(directory, "changing");
    await writeFile(changing, content.subarray(0, 8 * MIB));
    let changed = false;
    const onProgress = () => {
      if (!changed) appendFileSync(changing, "x");
      changed = true;
    };
    const [code, message] = await codeAndMessage(pool.publishFile(changing, { onProgress }));
    expect(code).toBe("BC_CONTENT_CHANGED");
    expect(message).toContain(changing);
    await writeFile(changing, content.subarray(0, 20 * MIB));
    const cutShort = pool.publishFile(changing, { onProgress: () => truncateSync(changing, 5 * MIB) });
    expect(await codeAndMessage(cutShort)).toEqual([
      "BC_CONTENT_CHANGED",
      expect.stringMatching(/at byte \d+: changed/),
    ]);
    const missing = join(directory, "missing");
    const [missingCode, missingMessage] = await codeAndMessage(pool.publishFile(missing));
    expect(missingCode).toBe("BC_CONTENT_READ");
    expect(missingMessage).toContain(missing);
  });

  it("closes twice, unused, and under work, which then rejects", async () => {
    const unused = createHashingPool({ workers: 1 });
    await unused.close();
    await unused.close();
    const [code] = await codeAndMessage(unused.publishFile(path));
    expect(code).toBe("BC_CONTENT_HASH");
    const busy = createHashingPool({ workers: 1 });
    const work = codeAndMessage(busy.publishFile(path));
    await busy.close();
    expect((await work)[0]).toBe("BC_CONTENT_HASH");
  });
});
