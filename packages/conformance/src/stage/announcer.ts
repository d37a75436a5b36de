/** Listens where probes are sent, and answers them as the scene says. */
import type { Clock, Endpoint } from "@branchcache/runtime";
import { DISCOVERY_PORT, IPV4_GROUP, IPV6_GROUP } from "dgram-ws-discovery";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { readProbe, type SeenProbe } from "./probe.ts";

/** A datagram in answer to a probe. */
export interface TimedAnswer {
  /** When it is sent, counted from the arrival of the probe. */
  readonly afterMs: number;
  readonly datagram: Uint8Array;
}

export interface Announcer extends AsyncDisposable {
  readonly port: number;
}

export interface AnnouncerOptions {
  /** The address of the interface: numeric, with its zone where it is link-local. */
  readonly address: string;
  /** Default 3702; 0 picks a free one. */
  readonly port?: number;
  readonly clock: Clock;
  /** Called for each datagram that is a Probe, repeats included. */
  answer(probe: SeenProbe): readonly TimedAnswer[];
}

export async function openAnnouncer(options: AnnouncerOptions): Promise<Announcer> {
  const { address, port = DISCOVERY_PORT, clock, answer } = options;
  const family = address.includes(":") ? 6 : 4;
  const zone = address.split("%")[1];
  const joined =
    family === 4
      ? { group: IPV4_GROUP, interface: address }
      : { group: IPV6_GROUP, interface: zone === undefined ? "::" : `::%${zone}` };
  const pending = new Set<() => void>();
  const send = (datagram: Uint8Array, to: Endpoint) => {
    socket.send(datagram, to).catch(() => {
      // A client that has gone needs no answer.
    });
  };
  const socket = await nodeDatagramPort.open(
    { family, port, shared: true, join: [joined], multicastInterface: joined.interface },
    (datagram, from) => {
      const probe = readProbe(datagram, from, clock.monotonicMs());
      if (!probe) return;
      for (const { afterMs, datagram: answered } of answer(probe)) {
        if (afterMs === 0) {
          send(answered, from);
          continue;
        }
        const cancel = clock.after(afterMs, () => {
          pending.delete(cancel);
          send(answered, from);
        });
        pending.add(cancel);
      }
    },
  );
  return {
    port: socket.local.port,
    async [Symbol.asyncDispose]() {
      for (const cancel of pending) cancel();
      await socket.close();
    },
  };
}
