/** Whether a datagram to the group comes back through each interface: what discovery lives on. */
import { randomUUID } from "node:crypto";
import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { errorMessage } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import type { Settings } from "../config/schema.ts";
import { bad, type Finding, good, unknown } from "./finding.ts";

const GROUP = "239.255.255.250";
const WAIT_MS = 700;

export async function checkMulticast({ mode, peer, discovery }: Settings): Promise<readonly Finding[]> {
  if (mode !== "distributed" && mode !== "auto") return [];
  const candidates = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(
        ({ family, internal, address }) =>
          family === "IPv4" &&
          (peer.interfaces.length === 0 ? !internal : isNamed(peer.interfaces, name, address)),
      )
      .map(({ address }) => ({ name, address })),
  );
  if (candidates.length === 0) {
    return [
      bad(
        "multicast",
        peer.interfaces.length === 0
          ? "this machine has no interface with an IPv4 address besides loopback"
          : `there is no interface ${peer.interfaces.join(" or ")} with an IPv4 address`,
        "ip -br address shows what there is; peer.interfaces takes names or addresses",
      ),
    ];
  }
  return Promise.all(candidates.map(({ name, address }) => tryInterface(name, address, discovery.port)));
}

const isNamed = (named: readonly string[], name: string, address: string) =>
  named.includes(name) || named.includes(address);

/** On the port that firewalls let in; with a hop limit of 0 it does not leave this machine. */
async function tryInterface(name: string, address: string, port: number): Promise<Finding> {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  const word = farewell();
  try {
    const came = await new Promise<boolean>((resolve, reject) => {
      socket.once("error", reject);
      socket.on("message", (bytes) => {
        if (bytes.toString("utf8") === word) resolve(true);
      });
      socket.bind(port, () => {
        try {
          socket.addMembership(GROUP, address);
          socket.setMulticastInterface(address);
          socket.setMulticastTTL(0);
          socket.setMulticastLoopback(true);
          socket.send(word, port, GROUP, (error) => error && reject(error));
          // Datagrams that came in while this process was busy are read before it gives up.
          systemClock.after(WAIT_MS, () => setImmediate(() => resolve(false)));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    if (came) return good("multicast", `datagrams to ${GROUP} come back through ${name} (${address})`);
    return bad(
      "multicast",
      `a datagram to ${GROUP} through ${name} (${address}) did not come back`,
      `ip link show ${name} must say MULTICAST, and no firewall may drop UDP to ${GROUP}; on switches, IGMP snooping needs a querier`,
    );
  } catch (error) {
    return unknown("multicast", `${name} (${address}) cannot be tried: ${errorMessage(error)}`);
  } finally {
    socket.close();
  }
}

/** The Bye of a service that nobody knows: whoever listens, our own daemon too, understands it and has nothing to do. */
function farewell(): string {
  const discovery = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
  return (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" ' +
    `xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="${discovery}"><e:Header>` +
    `<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To><a:Action>${discovery}/Bye</a:Action>` +
    `<a:MessageID>urn:uuid:${randomUUID()}</a:MessageID></e:Header><e:Body><d:Bye><a:EndpointReference>` +
    `<a:Address>urn:uuid:${randomUUID()}</a:Address></a:EndpointReference></d:Bye></e:Body></e:Envelope>`
  );
}
