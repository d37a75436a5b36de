/** Ranges of IP addresses, as settings name them. */
import { BlockList, isIP } from "node:net";
import { BranchCacheError } from "../errors.ts";
import { withoutZone } from "../net.ts";

/** Whether an address lies in one of the ranges. Zones of IPv6 addresses are not looked at. */
export type AddressRanges = (address: string) => boolean;

/** Reads `192.0.2.0/24`, `2001:db8::/32` or single addresses. Throws `BC_INVALID_ARGUMENT` for anything else. */
export function addressRanges(texts: readonly string[]): AddressRanges {
  const list = new BlockList();
  for (const text of texts) {
    const [address = "", prefix, ...rest] = text.trim().split("/");
    const family = isIP(address);
    const bits = prefix === undefined ? undefined : Number(prefix);
    const widest = family === 4 ? 32 : 128;
    const isPrefix = bits === undefined || (/^\d{1,3}$/.test(prefix ?? "") && bits <= widest);
    if (family === 0 || rest.length > 0 || !isPrefix) {
      throw new BranchCacheError(
        "BC_INVALID_ARGUMENT",
        `${JSON.stringify(text)} is no range such as 192.0.2.0/24`,
      );
    }
    if (bits === undefined) list.addAddress(address, familyName(family));
    else list.addSubnet(address, bits, familyName(family));
  }
  return (address) => {
    const bare = withoutZone(address);
    const family = isIP(bare);
    return family !== 0 && list.check(bare, familyName(family));
  };
}

function familyName(family: number): "ipv4" | "ipv6" {
  return family === 4 ? "ipv4" : "ipv6";
}
