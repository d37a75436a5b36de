/** A content server of ours in this process, with a resource whose Content Information is ready. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ContentServerTarget, openContentServer, seededRandom } from "@branchcache/conformance";
import { ServerSecret } from "@branchcache/content-info";
import { nodeHashEngine, publishFile } from "@branchcache/content-info/node";
import { memoryPublicationStore, peerDistDirectory } from "@branchcache/http-encoding/node";
import { closeServer } from "@branchcache/peer-node";
import { systemClock } from "@branchcache/runtime/node";
import { seededRandom as contentOf } from "@branchcache/runtime/testing";

export interface OwnResource extends AsyncDisposable {
  readonly target: ContentServerTarget;
}

const SECRET = new TextEncoder().encode("of this server");

export async function ownResource(): Promise<OwnResource> {
  const root = await mkdtemp(join(tmpdir(), "branchcache-conformance-"));
  await writeFile(join(root, "content.bin"), contentOf(21).bytes(3 * 65_536 + 1_001));
  await writeFile(join(root, "fresh.bin"), contentOf(22).bytes(140_000));
  const directory = peerDistDirectory({
    root,
    store: memoryPublicationStore(),
    hashFile: (path, signal) => publishFile(path, { versions: [1, 2], signal }),
    secret: ServerSecret.fromBytes(SECRET),
    engine: nodeHashEngine,
    clock: systemClock,
    settleMs: 0,
  });
  const server = createServer(directory.handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/content.bin`;
  const target = await openContentServer(url, {
    random: seededRandom(1),
    clock: systemClock,
    secret: SECRET,
    freshUrl: `http://127.0.0.1:${port}/fresh.bin`,
  });
  return {
    target,
    async [Symbol.asyncDispose]() {
      await directory.close();
      await closeServer(server, 0);
      await rm(root, { recursive: true, force: true });
    },
  };
}
