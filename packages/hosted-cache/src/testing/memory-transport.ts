/** From an offer client to a hosted cache's server in the same process. */
import { BranchCacheError } from "@branchcache/runtime";
import type { OfferTransport } from "../client/offer-client.ts";
import type { OfferVersion } from "../messages/header.ts";
import type { HostedCacheServer } from "../server/server.ts";

/** `address`: what the server sees as the client's. */
export function memoryOfferTransport(
  server: HostedCacheServer,
  version: OfferVersion,
  address: string,
): OfferTransport {
  let closed = false;
  return {
    async post(_path, body, { signal }) {
      signal.throwIfAborted();
      if (closed) throw new BranchCacheError("BC_HTTP_CONNECT", "the transport is closed");
      const answer = await server.handle(version, body.slice(), address);
      if (answer.kind !== "response") {
        return {
          status: answer.kind === "dropped" ? 400 : 429,
          challenge: undefined,
          body: new Uint8Array(0),
        };
      }
      answer.answered();
      return { status: 200, challenge: undefined, body: answer.body };
    },
    close() {
      closed = true;
    },
  };
}
