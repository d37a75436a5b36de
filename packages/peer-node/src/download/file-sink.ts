/** Downloads into a file that appears under its name only when it is whole. */
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { DownloadSink } from "./sink.ts";

export interface FileSink extends DownloadSink, AsyncDisposable {
  restart(): Promise<void>;
  readBack(offsetBytes: number, lengthBytes: number): Promise<Uint8Array>;
  /** Puts the file under its name, over whatever was there. */
  commit(): Promise<void>;
}

/** Errors: those of the file system, which name the path. Disposing without `commit` leaves nothing behind. */
export async function createFileSink(path: string): Promise<FileSink> {
  const partPath = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  const file = await open(partPath, "w+");
  let done = false;
  return {
    async write(offsetBytes, bytes) {
      await writeAll(file, bytes, offsetBytes);
    },
    async restart() {
      await file.truncate(0);
    },
    async readBack(offsetBytes, lengthBytes) {
      const bytes = new Uint8Array(lengthBytes);
      let filled = 0;
      while (filled < lengthBytes) {
        const { bytesRead } = await file.read(bytes, filled, lengthBytes - filled, offsetBytes + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    },
    async commit() {
      await file.close();
      await rename(partPath, path);
      done = true;
    },
    async [Symbol.asyncDispose]() {
      if (done) return;
      done = true;
      await file.close().catch(() => {});
      await rm(partPath, { force: true });
    },
  };
}

async function writeAll(file: FileHandle, bytes: Uint8Array, offsetBytes: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const result = await file.write(bytes, written, bytes.length - written, offsetBytes + written);
    written += result.bytesWritten;
  }
}
