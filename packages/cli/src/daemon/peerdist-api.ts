/** The Peer Distribution API on the daemon's socket. */
import { nodeHashEngine } from "@branchcache/content-info/node";
import { type ApiServerOptions, isPipeName, type PeerNode, socketError } from "@branchcache/peer-node";
import type { PeerDistService } from "@branchcache/peerdist";
import { IdentityProofs, PEERDIST_PROTOCOL, peerDistProtocol } from "@branchcache/peerdist/node";
import type { Observer } from "@branchcache/runtime";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { loadServerSecret } from "../files/secret-file.ts";

export interface PeerDistApiOptions {
  readonly node: Pick<PeerNode, "blocks">;
  readonly socket: string;
  /** Read when the first caller comes, or made then. */
  readonly secretFile: string;
  /** Of Content Information: the highest that clients are told to ask for. */
  readonly clientVersion: 1 | 2;
  readonly observer: Observer;
}

export interface PeerDistApi {
  /** To be given to `serveApi` on the same socket. */
  readonly protocols: NonNullable<ApiServerOptions["protocols"]>;
  /** The secret is another one: who connects from now on gets a service that reads it anew. */
  forgetSecret(): void;
  /** Clients are told of another highest version, at once. */
  setClientVersion(version: 1 | 2): void;
}

export async function peerDistApi({
  node,
  socket,
  secretFile,
  clientVersion: firstVersion,
  observer,
}: PeerDistApiOptions): Promise<PeerDistApi> {
  let started: Promise<PeerDistService> | undefined;
  let clientVersion = firstVersion;
  const start = async () => {
    const secret = await loadServerSecret(secretFile);
    // No weight for a daemon that nobody publishes through.
    const { PeerDistService } = await import("@branchcache/peerdist");
    const { blocks } = node;
    const made = new PeerDistService({
      blocks,
      engine: nodeHashEngine,
      secret,
      clock: systemClock,
      observer,
    });
    made.setClientVersion(clientVersion);
    return made;
  };
  const service = () => {
    started ??= start().catch((error) => {
      started = undefined;
      throw error;
    });
    return started;
  };
  // A pipe has no place for files beside it, and a file no owner that we could see.
  const proofs = isPipeName(socket)
    ? undefined
    : await IdentityProofs.start(socket, systemRandom).catch((error: unknown) => {
        throw socketError(socket, "api.socket", error);
      });
  return {
    protocols: { [PEERDIST_PROTOCOL]: peerDistProtocol({ service, ...(proofs ? { proofs } : {}) }) },
    forgetSecret() {
      started = undefined;
    },
    setClientVersion(version) {
      clientVersion = version;
      started?.then(
        (running) => running.setClientVersion(clientVersion),
        () => {},
      );
    },
  };
}
