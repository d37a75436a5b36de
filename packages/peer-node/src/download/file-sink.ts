/** Downloads into a file that appears under its name only when it is whole. */
import { createHash } from "node:crypto";
import { open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ifRange, type Validator } from "@branchcache/http-encoding/node/client";
import { type ByteRanges, withRange } from "./byte-ranges.ts";
import { GatheredWrites } from "./gathered-writes.ts";
import type { DownloadSink, PartialContent } from "./sink.ts";

/** A sink that writes a file, and can go on where an earlier download of it ended. */
export interface FileSink extends DownloadSink, AsyncDisposable {
  readonly partial: PartialContent | undefined;
  begin(validator: Validator | undefined): void;
  restart(): Promise<void>;
  readBack(offsetBytes: number, lengthBytes: number): Promise<Uint8Array>;
  /** Puts the file under its name, over whatever was there. */
  commit(): Promise<void>;
}

/**
 * Disposing without `commit` leaves nothing behind; or, where `url` was given and the content has a validator,
 * what was written, in `.NAME.part` with a note in `.NAME.part.json`. The next sink for name and URL goes on
 * with it. Errors: those of the file system, which name the path.
 */
export async function createFileSink(path: string, url?: string): Promise<FileSink> {
  const keptPath = join(dirname(path), `.${basename(path)}.part`);
  // Of this process alone: two downloads of one name do not mix.
  const partPath = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  const content = url === undefined ? undefined : createHash("sha256").update(url).digest("hex");
  const partial = content === undefined ? undefined : await claim(keptPath, partPath, content);
  const file = await open(partPath, partial ? "r+" : "w+");
  let validator = partial?.validator;
  let lengthBytes = partial?.lengthBytes ?? 0;
  let done = false;
  /** Written beyond `lengthBytes`. */
  let ahead: ByteRanges = [];
  const onWritten = (startBytes: number, written: number) => {
    ahead = withRange(ahead, { startBytes, endBytes: startBytes + written });
    const [first, ...others] = ahead;
    if (!first || first.startBytes > lengthBytes) return;
    lengthBytes = Math.max(lengthBytes, first.endBytes);
    ahead = others;
  };
  // What comes from peers and what comes from the origin, each in its order.
  const writers = [new GatheredWrites(file, onWritten), new GatheredWrites(file, onWritten)] as const;
  let last: 0 | 1 = 0;
  const settled = async () => {
    for (const writer of writers) await writer.settled();
  };
  return {
    partial,
    begin(given) {
      // Without one that If-Range takes there is no going on.
      validator = given && ifRange(given) !== undefined ? given : undefined;
    },
    write(offsetBytes, bytes, done) {
      const next = writers.findIndex((writer) => writer.nextOffsetBytes === offsetBytes);
      last = next === 0 || next === 1 ? next : last === 0 ? 1 : 0;
      return writers[last].write(offsetBytes, bytes, done);
    },
    async restart() {
      await settled();
      await file.truncate(0);
      lengthBytes = 0;
      ahead = [];
      validator = undefined;
    },
    async readBack(offsetBytes, length) {
      await settled();
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(bytes, filled, length - filled, offsetBytes + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    },
    async commit() {
      await settled();
      await file.close();
      await rename(partPath, path);
      done = true;
      if (content === undefined) return;
      await rm(`${keptPath}.json`, { force: true });
      await rm(keptPath, { force: true });
    },
    async [Symbol.asyncDispose]() {
      if (done) return;
      done = true;
      try {
        // What is wrong with the last of it is nobody's concern any more: it is not part of `lengthBytes`.
        await settled().catch(() => {});
        if (content === undefined || validator === undefined || lengthBytes === 0) return;
        // The note must not promise what power loss could take.
        await file.sync();
        const note: Note = { content, validator, lengthBytes };
        await writeFile(`${keptPath}.json`, JSON.stringify(note), { mode: 0o600 });
        await rename(partPath, keptPath);
      } catch {
        // A full disk takes no note either: then nothing is kept, and what ended the download is what the caller hears of.
        await rm(`${keptPath}.json`, { force: true }).catch(() => {});
      } finally {
        await file.close().catch(() => {});
        await rm(partPath, { force: true });
      }
    },
  };
}

interface Note extends PartialContent {
  /** Digest of the URL, which itself may hold secrets. */
  readonly content: string;
}

/** Takes what an earlier download left, from everybody else. */
async function claim(
  keptPath: string,
  partPath: string,
  content: string,
): Promise<PartialContent | undefined> {
  try {
    const note = readNote(await readFile(`${keptPath}.json`, "utf8"));
    const { size } = await stat(keptPath);
    if (note.content !== content || size < note.lengthBytes) return undefined;
    await rename(keptPath, partPath);
    await rm(`${keptPath}.json`, { force: true });
    return { validator: note.validator, lengthBytes: note.lengthBytes };
  } catch {
    // Nothing there, or nothing of use.
    return undefined;
  }
}

/** Throws for anything but what a sink wrote. */
function readNote(text: string): Note {
  const { content, validator, lengthBytes } = JSON.parse(text) as Partial<Note>;
  const sound = Object.entries(validator ?? {}).every(
    ([name, value]) => typeof value === (name === "sizeBytes" ? "number" : "string"),
  );
  if (!sound || !content || !validator || !lengthBytes || !Number.isSafeInteger(lengthBytes)) {
    throw new Error("not a note");
  }
  return { content, validator, lengthBytes };
}
