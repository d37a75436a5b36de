/** Whom a hosted cache may take offers from, and whom it may ask for blocks. */
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { BranchCacheError, type Clock } from "@branchcache/runtime";

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

const NEVER: AddressRanges = addressRanges(["0.0.0.0/8", "224.0.0.0/4", "255.255.255.255", "::", "ff00::/8"]);
const LOOPBACK: AddressRanges = addressRanges(["127.0.0.0/8", "::1"]);
/** How long a look at the interfaces is good for. */
const OWN_FOR_MS = 5_000;

/** Why nothing is to be pulled from this address, or undefined: not from loopback, nor from ourselves. */
export function pullFaultOf(clock: Clock): (client: { readonly address: string }) => string | undefined {
  let own = new Set<string>();
  let untilMs = Number.NEGATIVE_INFINITY;
  return ({ address }) => {
    if (isIP(withoutZone(address)) === 0) return "no address";
    if (NEVER(address)) return "no host's address";
    if (LOOPBACK(address)) return "loopback";
    if (clock.monotonicMs() >= untilMs) {
      own = new Set(
        Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map((one) => one.address)),
      );
      untilMs = clock.monotonicMs() + OWN_FOR_MS;
    }
    return own.has(withoutZone(address)) ? "an address of this machine" : undefined;
  };
}

function familyName(family: number): "ipv4" | "ipv6" {
  return family === 4 ? "ipv4" : "ipv6";
}

function withoutZone(address: string): string {
  return address.split("%")[0] ?? "";
}
