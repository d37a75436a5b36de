import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { Appender, type Staged } from "../../src/lmdb/blocks/appender.ts";

const KEY = new Uint8Array(36);
/** A fourth of it is one piece. */
const FILE_BYTES = 256 * 1024;
const VALUE = new Uint8Array(FILE_BYTES / 4 - 1_024);

async function appender(): Promise<Appender> {
  const directory = await temporaryDirectory();
  let files = 0;
  return new Appender({
    fileBytes: () => FILE_BYTES,
    open: async () => {
      const number = files++;
      return { number, handle: await open(join(directory, String(number)), "w"), endBytes: 0 };
    },
  });
}

describe("pieces of a block file", () => {
  it("lend their memory to the next as soon as they are on the disk, committed or not", async () => {
    const files = await appender();
    const staged: Staged[] = [];
    const memory = new Set<ArrayBufferLike>();
    for (let i = 0; i < 20; i++) {
      const one = files.stageValue(KEY, VALUE);
      memory.add(one.chunk.buffer.buffer);
      staged.push(one);
      await files.settle([one.chunk]);
    }
    expect(new Set(staged.map(({ chunk }) => chunk)).size).toBe(20);
    expect(staged.every(({ chunk }) => chunk.state === "synced")).toBe(true);
    expect(memory.size).toBe(1);
    for (const one of staged) files.release(one);
    await files.close();
  });

  it("keep it until then: what is not written yet lies in memory of its own", async () => {
    const files = await appender();
    const staged = Array.from({ length: 20 }, () => files.stageValue(KEY, VALUE));
    expect(new Set(staged.map(({ chunk }) => chunk.buffer.buffer)).size).toBe(20);
    await files.settle(staged.map(({ chunk }) => chunk));
    expect(staged.every(({ chunk }) => chunk.buffer.length === 0)).toBe(true);
    for (const one of staged) files.release(one);
    await files.close();
  });
});
