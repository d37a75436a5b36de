/** The ways to the service that every rule is tested over. */
import { inProcess, type PeerDistService, type PeerDistTransport } from "../../src/index.ts";

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
];
