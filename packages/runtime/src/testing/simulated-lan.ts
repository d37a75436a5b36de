import type { Clock } from "../clock.ts";
import {
  type DatagramHandler,
  type Endpoint,
  formatEndpoint,
  type InterfaceAddress,
  type UdpPort,
  type UdpSocket,
  withoutZone,
} from "../net.ts";
import { type Random, randomFraction, randomInteger } from "../random.ts";

/** The clock that datagrams travel by, and the faults of the link. */
export interface SimulatedLanOptions {
  readonly clock: Clock;
  /** Needed for loss, repeats and jitter. */
  readonly random?: Random;
  /** Chance from 0 to 1 that a datagram is lost, for each receiver. Default 0. */
  readonly loss?: number;
  /** Chance from 0 to 1 that a datagram arrives twice. Default 0. */
  readonly repeat?: number;
  /** Milliseconds under way, from and to; a wide range reorders. Default 0 and 0. */
  readonly delayMs?: readonly [number, number];
}

/** A link without hosts at first: `host` attaches one. */
export interface SimulatedLan {
  /** A host with these addresses on the link, each `192.0.2.1/24` or `fe80::1%eth0/64`. */
  host(...addresses: readonly string[]): UdpPort;
  /** Everything that was put on the link. */
  readonly sent: readonly { readonly bytes: Uint8Array; readonly from: Endpoint; readonly to: Endpoint }[];
}

interface OpenSocket {
  readonly local: Endpoint;
  readonly family: 4 | 6;
  readonly shared: boolean;
  readonly wildcard: boolean;
  readonly hostAddresses: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly onDatagram: DatagramHandler;
}

/**
 * Several hosts on one link, in memory: unicast, multicast with joins, and the faults of a real link.
 * As on Linux, a port opened twice without `shared` fails with `EADDRINUSE`, and of the sockets that
 * share a port each gets the multicast, but only the last one opened the unicast.
 */
export function simulatedLan(options: SimulatedLanOptions): SimulatedLan {
  const { clock, random, loss = 0, repeat = 0, delayMs = [0, 0] } = options;
  if (random === undefined && (loss > 0 || repeat > 0 || delayMs[0] !== delayMs[1])) {
    throw new TypeError("loss, repeats and jitter need a random source");
  }
  const chance = (probability: number) =>
    probability > 0 && random !== undefined && randomFraction(random) < probability;
  const sent: { bytes: Uint8Array; from: Endpoint; to: Endpoint }[] = [];
  const sockets = new Set<OpenSocket>();
  let nextPort = 49_152;

  const receivers = (family: 4 | 6, to: Endpoint): readonly OpenSocket[] => {
    const listening = [...sockets].filter(
      (socket) => socket.family === family && socket.local.port === to.port,
    );
    const group = groupKey(to.address);
    const joined = listening.filter((socket) => socket.groups.has(group));
    const last = listening.findLast((socket) =>
      socket.wildcard ? socket.hostAddresses.has(to.address) : socket.local.address === to.address,
    );
    return last === undefined || joined.includes(last) ? joined : [...joined, last];
  };

  const portTaken = (opened: OpenSocket): boolean =>
    [...sockets].some(
      (socket) =>
        socket.hostAddresses === opened.hostAddresses &&
        socket.family === opened.family &&
        socket.local.port === opened.local.port &&
        (socket.wildcard || opened.wildcard || socket.local.address === opened.local.address) &&
        !(socket.shared && opened.shared),
    );

  const deliver = (socket: OpenSocket, bytes: Uint8Array, from: Endpoint): void => {
    if (chance(loss)) return;
    const copies = chance(repeat) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delay = random ? randomInteger(random, delayMs[0], delayMs[1]) : delayMs[0];
      clock.after(delay, () => {
        if (sockets.has(socket)) socket.onDatagram(bytes.slice(), from);
      });
    }
  };

  return {
    sent,
    host(...addresses) {
      const interfaces = addresses.map(parseInterface);
      const hostAddresses = new Set(interfaces.map((entry) => entry.address));
      return {
        interfaces: () => interfaces,
        async open(open, onDatagram): Promise<UdpSocket> {
          const ofFamily = interfaces.filter((entry) => entry.family === open.family);
          const named = (source: string | undefined) =>
            ofFamily.find((entry) => entry.address === source || `::%${entry.name}` === source);
          const own = named(open.address) ?? named(open.multicastInterface) ?? ofFamily[0];
          const socket: OpenSocket = {
            local: {
              address: open.address ?? (open.family === 4 ? "0.0.0.0" : "::"),
              port: open.port === undefined || open.port === 0 ? nextPort++ : open.port,
            },
            family: open.family,
            shared: open.shared ?? false,
            wildcard: open.address === undefined,
            hostAddresses,
            groups: new Set((open.join ?? []).map((join) => groupKey(join.group))),
            onDatagram,
          };
          if (portTaken(socket)) {
            const place = formatEndpoint(socket.local);
            throw Object.assign(new Error(`bind EADDRINUSE ${place}`), { code: "EADDRINUSE" });
          }
          sockets.add(socket);
          return {
            local: socket.local,
            async send(bytes, to) {
              if (!sockets.has(socket)) {
                throw Object.assign(new Error("Not running"), { code: "ERR_SOCKET_DGRAM_NOT_RUNNING" });
              }
              const from = { address: own?.address ?? socket.local.address, port: socket.local.port };
              const copy = bytes.slice();
              sent.push({ bytes: copy, from, to });
              for (const receiver of receivers(socket.family, to)) deliver(receiver, copy, from);
            },
            async close() {
              sockets.delete(socket);
            },
          };
        },
      };
    },
  };
}

/** Groups are one on the whole link, whatever zone each side names. */
function groupKey(address: string): string {
  return withoutZone(address).toLowerCase();
}

function parseInterface(text: string): InterfaceAddress {
  const [address = "", prefix = ""] = text.split("/");
  const family = address.includes(":") ? 6 : 4;
  const zone = address.split("%")[1];
  return { name: zone ?? "eth0", address, family, prefixLength: Number(prefix), internal: false };
}
