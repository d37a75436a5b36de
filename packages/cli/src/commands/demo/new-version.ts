import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

const INSERTED_BYTES = 10_000;
const CHANGED_BYTES = 500;
const APPENDED_BYTES = 50_000;

/** The file's bytes with some inserted at a third, changed in the middle, and appended. */
export async function* newVersion(
  path: string,
  randomBytes: (length: number) => Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { size } = await stat(path);
  const third = Math.floor(size / 3);
  const middle = Math.floor(size / 2);
  yield* part(path, 0, third);
  yield randomBytes(INSERTED_BYTES);
  yield* part(path, third, middle);
  yield randomBytes(CHANGED_BYTES);
  yield* part(path, middle + CHANGED_BYTES, size);
  yield randomBytes(APPENDED_BYTES);
}

async function* part(path: string, start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
  yield* createReadStream(path, { start, end: end - 1, highWaterMark: 1024 * 1024 });
}
