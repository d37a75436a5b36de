/** A content server in this process, over a directory of its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerSecret } from "@branchcache/content-info";
import { nodeHashEngine, publishFile } from "@branchcache/content-info/node";
import { memoryPublicationStore, peerDistDirectory } from "@branchcache/http-encoding/node";
import { closeServer } from "@branchcache/peer-node";
import { systemClock } from "@branchcache/runtime/node";

export interface ContentServer extends AsyncDisposable {
  readonly url: string;
  /** Puts the file in place, or another version of it. */
  put(content: Uint8Array): Promise<void>;
  /** Asks for the file until it is hashed, which happens in the background. */
  hashed(): Promise<void>;
  /** Lets a test change what is answered. */
  intercept(handler: ((...args: Parameters<RequestListener>) => boolean) | undefined): void;
}

/** Serves one file, hashed in the background as soon as it is asked for. */
export async function contentServer(): Promise<ContentServer> {
  const root = await mkdtemp(join(tmpdir(), "branchcache-origin-"));
  const directory = peerDistDirectory({
    root,
    store: memoryPublicationStore(),
    hashFile: (path, signal) => publishFile(path, { versions: [1, 2], signal }),
    secret: ServerSecret.fromPassphrase("test"),
    engine: nodeHashEngine,
    clock: systemClock,
    settleMs: 0,
  });
  let intercept: ((...args: Parameters<RequestListener>) => boolean) | undefined;
  const server = createServer((request, response) => {
    if (!intercept?.(request, response)) directory.handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/content.bin`;
  return {
    url,
    put: (content) => writeFile(join(root, "content.bin"), content),
    async hashed() {
      const headers = { "accept-encoding": "peerdist", "x-p2p-peerdist": "Version=1.1" };
      for (;;) {
        const answer = await fetch(url, { headers });
        await answer.arrayBuffer();
        if (answer.headers.get("content-encoding") === "peerdist") return;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    intercept: (handler) => {
      intercept = handler;
    },
    async [Symbol.asyncDispose]() {
      await directory.close();
      await closeServer(server, 0);
      await rm(root, { recursive: true, force: true });
    },
  };
}
