/** Nodes and downloads in this process, on loopback. */
import { createMemoryStore, type Stores } from "@branchcache/cache-store";
import { originClient } from "@branchcache/http-encoding/node";
import {
  type DownloadReport,
  type DownloadSink,
  download,
  type PeerNode,
  type PeerNodeOptions,
  startPeerNode,
} from "@branchcache/peer-node";
import type { Observer } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";

/** For readers who will be answered, which ends their wait: a busy machine may take its time. */
export const PATIENT_MS = 20_000;

export interface BranchNode extends AsyncDisposable {
  readonly node: PeerNode;
  readonly store: Stores;
  /** Downloads into memory. */
  get(
    url: string,
    maxVersion?: 1 | 2,
  ): Promise<{ readonly content: Uint8Array; readonly report: DownloadReport }>;
}

export interface BranchNodeOptions extends Omit<PeerNodeOptions, "store" | "mode"> {
  readonly discoveryPort: number;
  readonly limitBytes?: number;
  readonly observer?: Observer;
}

export async function branchNode(options: BranchNodeOptions): Promise<BranchNode> {
  const { discoveryPort, limitBytes = 64 * 1024 * 1024, ...rest } = options;
  const store = createMemoryStore({ limitBytes, clock: systemClock });
  const node = await startPeerNode({
    ...rest,
    store,
    mode: "distributed",
    interfaces: ["127.0.0.1"],
    discovery: { port: discoveryPort, ...rest.discovery },
  });
  const origin = originClient({ clock: systemClock });
  return {
    node,
    store,
    async get(url, maxVersion = 2) {
      const sink = memorySink();
      const report = await download({ url, origin, branchCache: node, sink, clock: systemClock, maxVersion });
      return { content: sink.content(), report };
    },
    async [Symbol.asyncDispose]() {
      await origin.close();
      await node.close();
      await store.close();
    },
  };
}

export function memorySink(): Required<Pick<DownloadSink, "write" | "restart" | "readBack">> & {
  content(): Uint8Array;
} {
  let bytes = new Uint8Array(0);
  let length = 0;
  return {
    async write(offsetBytes, part) {
      const end = offsetBytes + part.length;
      if (end > bytes.length) {
        const larger = new Uint8Array(2 * end);
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(part, offsetBytes);
      length = Math.max(length, end);
    },
    async restart() {
      length = 0;
    },
    readBack: async (offsetBytes, lengthBytes) =>
      bytes.slice(offsetBytes, Math.min(offsetBytes + lengthBytes, length)),
    content: () => bytes.slice(0, length),
  };
}
