/** The service in the caller's own process. */
import type { PeerDistTransport } from "./service/calls.ts";
import type { PeerDistService } from "./service/service.ts";

export interface InProcessOptions {
  /** Who publishes; instances of one identity see each other's publications. Default `local`. */
  readonly identity?: string;
}

export function inProcess(
  service: PeerDistService,
  { identity = "local" }: InProcessOptions = {},
): PeerDistTransport {
  return { connect: async (events) => service.open(identity, events) };
}
