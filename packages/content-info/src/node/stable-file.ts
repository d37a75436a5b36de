/** A file that must not change while it is read. */
import type { BigIntStats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { errorMessage } from "@branchcache/runtime";
import { ContentError } from "../errors.ts";

/** Errors are `ContentError` and name file and offset: `BC_CONTENT_READ`, `BC_CONTENT_CHANGED`. */
export class StableFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  readonly #before: BigIntStats;

  private constructor(path: string, handle: FileHandle, before: BigIntStats) {
    this.path = path;
    this.sizeBytes = Number(before.size);
    this.#handle = handle;
    this.#before = before;
  }

  static async open(path: string): Promise<StableFile> {
    const handle = await open(path, "r").catch((cause: unknown) => {
      throw unreadable(path, 0, cause);
    });
    try {
      const before = await handle.stat({ bigint: true });
      if (!before.isFile()) throw new Error("not a regular file");
      return new StableFile(path, handle, before);
    } catch (cause) {
      await handle.close();
      throw unreadable(path, 0, cause);
    }
  }

  /** Valid until `close`, in every thread of the process. */
  get descriptor(): number {
    return this.#handle.fd;
  }

  /** The error for a read elsewhere that failed; without `message` the file ended there. */
  faultAt(offsetBytes: number, message: string | undefined): ContentError {
    if (message === undefined) return changed(this.path, offsetBytes, "it ends there");
    return unreadable(this.path, offsetBytes, new Error(message));
  }

  /** Fills `into` from the offset on; fewer bytes than that mean that the file became shorter. */
  async read(into: Uint8Array, offsetBytes: number): Promise<void> {
    let filled = 0;
    while (filled < into.length) {
      const at = offsetBytes + filled;
      const { bytesRead } = await this.#handle
        .read(into, filled, into.length - filled, at)
        .catch((cause: unknown) => {
          throw unreadable(this.path, at, cause);
        });
      if (bytesRead === 0) throw changed(this.path, at, "it ends there");
      filled += bytesRead;
    }
  }

  /** Throws `BC_CONTENT_CHANGED` unless size, times and identity are what they were when opened. */
  async requireUnchanged(): Promise<void> {
    const offset = this.sizeBytes;
    const [handle, path] = await Promise.all([
      this.#handle.stat({ bigint: true }),
      stat(this.path, { bigint: true }),
    ]).catch((cause: unknown) => {
      throw unreadable(this.path, offset, cause);
    });
    const before = this.#before;
    for (const now of [handle, path]) {
      if (now.ino !== before.ino || now.dev !== before.dev)
        throw changed(this.path, offset, "another file has its name");
      if (now.size !== before.size)
        throw changed(this.path, offset, `${before.size} bytes became ${now.size}`);
      if (now.mtimeNs !== before.mtimeNs) throw changed(this.path, offset, "it was written to");
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function unreadable(path: string, offset: number, cause: unknown): ContentError {
  return new ContentError("BC_CONTENT_READ", `${path} at byte ${offset}: ${errorMessage(cause)}`, { cause });
}

function changed(path: string, offset: number, what: string): ContentError {
  return new ContentError(
    "BC_CONTENT_CHANGED",
    `${path} at byte ${offset}: changed while it was read, ${what}`,
  );
}
