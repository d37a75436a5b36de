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
  /** The highest version of Content Information that clients are told to ask for. */
  readonly clientVersion: 1 | 2;
  readonly observer: Observer;
}

export interface PeerDistApi {
  /** To be given to `serveApi` on the same socket. */
  readonly protocols: NonNullable<ApiServerOptions["protocols"]>;
  /** For a changed secret: callers that connect from now on get a service that reads it again. */
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
    // Loaded with the first caller: most daemons never need it.
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
  // On Windows, a named pipe has no directory for proofs, and files show no owner.
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
