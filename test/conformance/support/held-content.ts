/** A block server in this process that holds content, and that content's Content Information. */
import { createMemoryStore } from "@branchcache/cache-store";
import {
  type ContentInformation,
  publishBytes,
  readContentInformation,
  ServerSecret,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { startBlockServer, startPeerNode } from "@branchcache/peer-node";
import type { Endpoint } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { seededRandom } from "@branchcache/runtime/testing";

export interface HeldContent extends AsyncDisposable {
  readonly server: Endpoint;
  readonly information: ContentInformation;
  /** Of the Content Information. */
  readonly bytes: Uint8Array;
}

/** Four blocks, the last of them neither whole nor of a multiple of 16 bytes. */
export const CONTENT_BYTES = 3 * 65_536 + 1_001;

export async function heldContent(version: 1 | 2): Promise<HeldContent> {
  const content = seededRandom(11).bytes(CONTENT_BYTES);
  const { v1, v2 } = publishBytes(content, { engine: nodeHashEngine, versions: [1, 2] });
  const publication = version === 1 ? v1 : v2;
  if (!publication) throw new Error("no publication");
  const bytes = writeContentInformation(publication, ServerSecret.fromPassphrase("test"), nodeHashEngine);
  const store = createMemoryStore({ limitBytes: 16 * 1024 * 1024, clock: systemClock });
  const node = await startPeerNode({ store, mode: "local" });
  const reader = await node.open(bytes);
  for await (const piece of reader.pieces()) {
    if (piece.kind === "missing") {
      const end = piece.offsetBytes + piece.lengthBytes;
      await reader.add(piece.offsetBytes, content.slice(piece.offsetBytes, end));
    }
  }
  const server = await startBlockServer({ store, listen: { host: "127.0.0.1", port: 0 } });
  return {
    server: server.serving,
    information: readContentInformation(bytes, nodeHashEngine),
    bytes,
    async [Symbol.asyncDispose]() {
      await server.close();
      await node.close();
      await store.close();
    },
  };
}
