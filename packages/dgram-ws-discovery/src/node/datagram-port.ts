import { createSocket, type RemoteInfo } from "node:dgram";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import type {
  DatagramHandler,
  DatagramOpenOptions,
  DatagramPort,
  DatagramSocket,
  InterfaceAddress,
} from "../ports.ts";

/** UDP by `node:dgram`. Faults reject with Node's own error, `code` and all. */
export const nodeDatagramPort: DatagramPort = {
  interfaces: () =>
    Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
      (addresses ?? []).map((info) => toInterfaceAddress(name, info)),
    ),
  open: openSocket,
};

async function openSocket(
  options: DatagramOpenOptions,
  onDatagram: DatagramHandler,
): Promise<DatagramSocket> {
  const {
    family,
    port = 0,
    address,
    shared = false,
    join = [],
    multicastInterface,
    multicastTtl = 1,
  } = options;
  const socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    reuseAddr: shared,
    ipv6Only: family === 6,
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind({ port, ...(address !== undefined && { address }) }, () => {
        socket.off("error", reject);
        resolve();
      });
    });
    for (const { group, interface: name } of join) socket.addMembership(group, name);
    if (multicastInterface !== undefined) socket.setMulticastInterface(multicastInterface);
    socket.setMulticastTTL(multicastTtl);
    socket.setMulticastLoopback(true);
  } catch (error) {
    socket.close();
    throw error;
  }
  // A socket without error listener takes the process down; sends report their own faults.
  socket.on("error", () => {});
  socket.on("message", (bytes: Uint8Array, from: RemoteInfo) => {
    onDatagram(bytes, { address: from.address, port: from.port });
  });
  const local = socket.address();
  let closed: Promise<void> | undefined;
  return {
    local: { address: local.address, port: local.port },
    send: (bytes, to) =>
      new Promise((resolve, reject) => {
        socket.send(bytes, to.port, to.address, (error) => (error ? reject(error) : resolve()));
      }),
    close() {
      closed ??= new Promise((resolve) => socket.close(() => resolve()));
      return closed;
    },
  };
}

function toInterfaceAddress(name: string, info: NetworkInterfaceInfo): InterfaceAddress {
  const family = info.family === "IPv6" ? 6 : 4;
  // Windows numbers its zones; elsewhere the interface's name is one.
  const zone = process.platform === "win32" && info.family === "IPv6" ? String(info.scopeid) : name;
  const isLinkLocal = family === 6 && /^fe[89ab]/i.test(info.address);
  return {
    name,
    address: isLinkLocal ? `${info.address}%${zone}` : info.address,
    family,
    prefixLength: Number(info.cidr?.split("/")[1] ?? (family === 6 ? 128 : 32)),
    internal: info.internal,
  };
}
