/** XAddrs: which of our addresses a prober can use, and which of a peer's we can. [MS-PCCRD] 2.2.3.8 */
import { type Endpoint, formatEndpoint, parseEndpoint, withoutZone } from "@branchcache/runtime";
import type { Link } from "dgram-ws-discovery";
import {
  isLinkLocal,
  isLoopback,
  isOnSubnet,
  type NumericAddress,
  parseAddress,
} from "dgram-ws-discovery/profile";
import { MAX_ADDRESSES } from "./limits.ts";

/** Our addresses on the subnet of whoever probes, as `host:port` without zone. */
export function offeredAddresses(from: Endpoint, link: Link, port: number): string[] {
  const source = parseAddress(from.address);
  if (!source) return [];
  return link.addresses
    .filter((own) => isOnSubnet(source, own) && isLinkLocal(source) === isOwnLinkLocal(own.address))
    .map((own) => formatEndpoint({ address: withoutZone(own.address), port }));
}

function isOwnLinkLocal(address: string): boolean {
  const numeric = parseAddress(address);
  return numeric !== undefined && isLinkLocal(numeric);
}

/**
 * The entries of an answer that may be connected to: numeric, on a directly attached subnet, loopback only
 * from a loopback source. Link-local ones get the zone of the link that the answer came in on.
 */
export function usableAddresses(
  xAddrs: readonly string[],
  from: Endpoint,
  link: Link,
  links: readonly Link[],
): Endpoint[] {
  const source = parseAddress(from.address);
  const usable: Endpoint[] = [];
  for (const entry of xAddrs) {
    const endpoint = parseEntry(entry);
    const numeric = endpoint && parseAddress(endpoint.address);
    if (!numeric || usable.length >= MAX_ADDRESSES) continue;
    const zoned = withLinkZone(numeric, link);
    if (!source || (isLoopback(zoned) && !isLoopback(source))) continue;
    if (!links.some((candidate) => candidate.addresses.some((own) => isOnSubnet(zoned, own)))) continue;
    const address = isLinkLocal(zoned) ? `${withoutZone(endpoint.address)}%${zoned.zone}` : endpoint.address;
    usable.push({ address, port: endpoint.port });
  }
  return usable;
}

/** Reads `host:port`; a scheme and a path, which do not belong here, are dropped. */
function parseEntry(entry: string): Endpoint | undefined {
  const bare = entry.replace(/^http:\/\//i, "").replace(/\/.*$/, "");
  return parseEndpoint(bare);
}

/** With the zone of the link: the one that another host wrote means nothing here. */
function withLinkZone(address: NumericAddress, link: Link): NumericAddress {
  const { family, bytes } = address;
  if (!isLinkLocal(address)) return { family, bytes };
  return { family, bytes, ...(link.zone !== undefined && { zone: link.zone }) };
}
