/** An address of this host on another link than the one that is tested. */
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { withoutZone } from "@branchcache/runtime";

/** Undefined where the host has none of the same family. */
export function offLinkAddress(address: string): string | undefined {
  const family = isIPv6(withoutZone(address)) ? "IPv6" : "IPv4";
  const links = Object.values(networkInterfaces()).map((list) => list ?? []);
  const own = links.find((list) => list.some((one) => one.address === withoutZone(address)));
  return links
    .filter((list) => list !== own)
    .flat()
    .find((one) => one.family === family && !one.internal && !/^fe[89ab]/i.test(one.address))?.address;
}
