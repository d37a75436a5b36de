/** Writes to a file in big pieces, one of them while the next is gathered: a call of the system costs more than a block. */
import type { FileHandle } from "node:fs/promises";

const GATHERED_BYTES = 1024 * 1024;
const GATHERED_PARTS = 64;

export class GatheredWrites {
  readonly #file: FileHandle;
  readonly #onWritten: (offsetBytes: number, lengthBytes: number) => void;
  #parts: Uint8Array[] = [];
  #done: (() => void)[] = [];
  #offsetBytes = 0;
  #lengthBytes = 0;
  #writing: Promise<void> = Promise.resolve();

  /** `onWritten` hears of each piece that the file has taken. */
  constructor(file: FileHandle, onWritten: (offsetBytes: number, lengthBytes: number) => void) {
    this.#file = file;
    this.#onWritten = onWritten;
  }

  /** Where bytes go on with those before. */
  get nextOffsetBytes(): number {
    return this.#offsetBytes + this.#lengthBytes;
  }

  /**
   * Resolves when there is room for more; the bytes must not change until they are written, and `done` is called.
   * Rejects with what is wrong with this write or one before.
   */
  async write(offsetBytes: number, bytes: Uint8Array, done?: () => void): Promise<void> {
    if (offsetBytes !== this.#offsetBytes + this.#lengthBytes) await this.#begin(offsetBytes);
    this.#parts.push(bytes);
    if (done) this.#done.push(done);
    this.#lengthBytes += bytes.length;
    if (this.#lengthBytes >= GATHERED_BYTES || this.#parts.length >= GATHERED_PARTS) {
      await this.#begin(this.#offsetBytes + this.#lengthBytes);
    }
  }

  /** Resolves when the file has taken everything. */
  async settled(): Promise<void> {
    await this.#begin(this.#offsetBytes + this.#lengthBytes);
    await this.#writing;
  }

  /** Hands what was gathered to the file once that is done with the piece before. */
  async #begin(nextOffsetBytes: number): Promise<void> {
    const [parts, offsetBytes, lengthBytes] = [this.#parts, this.#offsetBytes, this.#lengthBytes];
    const allDone = this.#done;
    this.#parts = [];
    this.#done = [];
    this.#offsetBytes = nextOffsetBytes;
    this.#lengthBytes = 0;
    if (parts.length === 0) return;
    const before = this.#writing;
    this.#writing = before.then(async () => {
      await writeAll(this.#file, parts, offsetBytes);
      this.#onWritten(offsetBytes, lengthBytes);
      for (const done of allDone) done();
    });
    // Whoever writes next or settles hears of it; until then a failure is no unhandled one.
    this.#writing.catch(() => {});
    await before;
  }
}

async function writeAll(file: FileHandle, parts: readonly Uint8Array[], offsetBytes: number): Promise<void> {
  let left = [...parts];
  let at = offsetBytes;
  while (left.length > 0) {
    let { bytesWritten } = await file.writev(left, at);
    at += bytesWritten;
    const first = left.findIndex((part) => {
      if (bytesWritten < part.length) return true;
      bytesWritten -= part.length;
      return false;
    });
    left = first < 0 ? [] : left.slice(first);
    if (left[0]) left[0] = left[0].subarray(bytesWritten);
  }
}
