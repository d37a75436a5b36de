/** The ways to the service that every rule is tested over. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BranchCache, serveApi } from "@branchcache/peer-node";
import { systemRandom } from "@branchcache/runtime/node";
import { inProcess, type PeerDistService, type PeerDistTransport } from "../../src/index.ts";
import {
  type ConnectionProofs,
  daemon,
  IdentityProofs,
  PEERDIST_PROTOCOL,
  peerDistProtocol,
} from "../../src/node.ts";

export interface TransportUnderTest {
  readonly name: string;
  /** Makes the service reachable; `identity` gives transports of one user each. */
  serve(service: PeerDistService): Promise<ServedService>;
}

export interface ServedService {
  transport(identity?: string): PeerDistTransport;
  close(): Promise<void>;
}

export const transports: readonly TransportUnderTest[] = [
  {
    name: "in process",
    async serve(service) {
      return {
        transport: (identity = "uid:1") => inProcess(service, { identity }),
        async close() {},
      };
    },
  },
  {
    name: "through the socket",
    async serve(service) {
      const directory = await mkdtemp(join(tmpdir(), "peerdist-"));
      const servers: { close(): Promise<void> }[] = [];
      // One process is one user: another identity is played by another socket.
      const paths = new Map<string, string>();
      for (const identity of ["uid:1", "uid:2"]) {
        const path = join(directory, `${identity.slice(4)}.sock`);
        paths.set(identity, path);
        const real = await IdentityProofs.start(path, systemRandom);
        const proofs: ConnectionProofs = {
          nonce: () => real.nonce(),
          forget: (nonce) => real.forget(nonce),
          check: async (nonce) => (await real.check(nonce)) && identity,
        };
        const protocol = peerDistProtocol({ service, proofs });
        servers.push(
          await serveApi({
            path,
            branchCache: {} as BranchCache,
            mode: "local",
            protocols: { [PEERDIST_PROTOCOL]: protocol },
          }),
        );
      }
      return {
        transport: (identity = "uid:1") => daemon({ path: paths.get(identity) ?? "" }),
        async close() {
          for (const server of servers) await server.close();
          await rm(directory, { recursive: true, force: true });
        },
      };
    },
  },
];
