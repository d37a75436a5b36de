import { mkdtemp, realpath, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryRoot {
  readonly path: string;
  /** Writes the file; `modifiedSeconds` since 1970, long ago unless given. */
  write(name: string, content: string | Uint8Array, modifiedSeconds?: number): Promise<string>;
  remove(): Promise<void>;
}

export async function temporaryRoot(): Promise<TemporaryRoot> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "peerdist-")));
  return {
    path,
    async write(name, content, modifiedSeconds = 1_000_000) {
      const file = join(path, name);
      await writeFile(file, content);
      await utimes(file, modifiedSeconds, modifiedSeconds);
      return file;
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
