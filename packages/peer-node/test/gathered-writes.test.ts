import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { GatheredWrites } from "../src/download/gathered-writes.ts";

describe("gathered writes", () => {
  it("leave the file as single writes would, and tell of each byte once", async () => {
    const path = join(await temporaryDirectory(), "file");
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            at: fc.option(fc.nat(500), { freq: 4 }),
            lengthBytes: fc.integer({ min: 1, max: 400_000 }),
          }),
          { maxLength: 12 },
        ),
        async (steps) => {
          const expected = Buffer.alloc(12 * 400_000 + 500);
          const file = await open(path, "w");
          let told = 0;
          let given = 0;
          const writes = new GatheredWrites(file, (_, lengthBytes) => {
            told += lengthBytes;
          });
          let offset = 0;
          let end = 0;
          let total = 0;
          for (const [i, { at, lengthBytes }] of steps.entries()) {
            offset = at ?? offset;
            const bytes = Buffer.alloc(lengthBytes, i + 1);
            bytes.copy(expected, offset);
            await writes.write(offset, bytes, () => {
              given++;
              // Nobody looks at them any longer.
              bytes.fill(0);
            });
            offset += lengthBytes;
            end = Math.max(end, offset);
            total += lengthBytes;
          }
          await writes.settled();
          await file.close();
          expect((await readFile(path)).equals(expected.subarray(0, end))).toBe(true);
          expect(told).toBe(total);
          expect(given).toBe(steps.length);
        },
      ),
      { numRuns: 20 },
    );
  });

  it("go on where the file took less than it was given", async () => {
    const taken: number[] = [];
    const file = {
      async writev(parts: readonly Uint8Array[], position: number) {
        const bytes = Buffer.concat(parts).subarray(0, 7);
        for (const [i, byte] of bytes.entries()) taken[position + i] = byte;
        return { bytesWritten: bytes.length };
      },
    } as unknown as FileHandle;
    const writes = new GatheredWrites(file, () => {});
    const parts = [[1, 2, 3, 4, 5], [6, 7], [8, 9, 10, 11, 12, 13, 14, 15, 16], [17]];
    for (const part of parts) await writes.write((part[0] ?? 0) - 1, Uint8Array.from(part));
    await writes.settled();
    expect(taken).toEqual(parts.flat());
  });

  it("a failure is told by what comes next, and nothing of it is told as written", async () => {
    const file = { writev: () => Promise.reject(new Error("no space")) } as unknown as FileHandle;
    let told = 0;
    const writes = new GatheredWrites(file, () => told++);
    await writes.write(0, new Uint8Array(2 ** 20));
    await expect(writes.write(2 ** 20, new Uint8Array(2 ** 20))).rejects.toThrow("no space");
    await expect(writes.settled()).rejects.toThrow("no space");
    expect(told).toBe(0);
  });
});
