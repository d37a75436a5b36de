/** A client that a person works: told what to download, and where to put it. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Interface } from "node:readline/promises";
import type { FetchUrl } from "./stage.ts";

/** Says what to do, and goes on when Enter was pressed. */
export function manualClient(prompt: Pick<Interface, "question">): FetchUrl {
  return async (url, signal) => {
    const directory = await mkdtemp(join(tmpdir(), "branchcache-conformance-"));
    try {
      const file = join(directory, "content");
      await prompt.question(`\nDownload  ${url}\nto        ${file}\nand press Enter. `, { signal });
      return new Uint8Array(await readFile(file));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };
}
