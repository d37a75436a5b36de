/** The attachments to the network that discovery uses: one for each interface, family and IPv4 subnet. */
import type { InterfaceAddress } from "../ports.ts";
import { isLinkLocal, isOnSubnet, parseAddress } from "./address.ts";

/**
 * One attachment to the network: multicast leaves from it and comes in on it. An interface has one for each IPv4
 * subnet, and one for IPv6.
 */
export interface Link {
  /** Unique and stable while the interface keeps its addresses. */
  readonly key: string;
  /** Interface name. */
  readonly name: string;
  readonly family: 4 | 6;
  /** How socket options name it: its IPv4 address, or `::%eth0`. */
  readonly socketName: string;
  /** Zone of link-local IPv6 addresses on this link. */
  readonly zone: string | undefined;
  /** Our addresses on this link. */
  readonly addresses: readonly InterfaceAddress[];
}

/**
 * `wanted` holds interface names or addresses; without it, all but loopback. IPv6 on loopback is used only
 * if its address is named: most systems have no multicast route there.
 */
export function chooseLinks(
  addresses: readonly InterfaceAddress[],
  wanted: readonly string[] | undefined,
  families: readonly (4 | 6)[],
): Link[] {
  const links = new Map<string, Link & { readonly addresses: InterfaceAddress[] }>();
  for (const own of addresses) {
    const numeric = parseAddress(own.address);
    if (!numeric || !families.includes(own.family) || !isWanted(own, wanted)) continue;
    const known = [...links.values()].find(
      (link) =>
        link.name === own.name &&
        link.family === own.family &&
        (own.family === 6 || link.addresses.some((other) => isOnSubnet(numeric, other))),
    );
    if (known) {
      known.addresses.push(own);
      continue;
    }
    const zone = own.family === 6 ? zoneOf(addresses, own) : undefined;
    const socketName = zone === undefined ? own.address : `::%${zone}`;
    const key = `${own.name} ${socketName}`;
    links.set(key, { key, name: own.name, family: own.family, socketName, zone, addresses: [own] });
  }
  return [...links.values()];
}

/** The entries of `wanted` that match no interface. */
export function missingInterfaces(
  addresses: readonly InterfaceAddress[],
  wanted: readonly string[] | undefined,
): string[] {
  return (wanted ?? []).filter((name) => !addresses.some((own) => names(own, name)));
}

function isWanted(own: InterfaceAddress, wanted: readonly string[] | undefined): boolean {
  if (!wanted) return !own.internal;
  if (own.internal && own.family === 6) return wanted.includes(own.address);
  return wanted.some((name) => names(own, name));
}

function names(own: InterfaceAddress, name: string): boolean {
  return own.name === name || own.address === name || own.address.startsWith(`${name}%`);
}

/** The zone of an interface. Systems that number their zones show the number only in the link-local address. */
function zoneOf(addresses: readonly InterfaceAddress[], own: InterfaceAddress): string {
  for (const other of addresses) {
    const numeric = other.name === own.name ? parseAddress(other.address) : undefined;
    if (numeric?.zone !== undefined && isLinkLocal(numeric)) return numeric.zone;
  }
  return own.name;
}
