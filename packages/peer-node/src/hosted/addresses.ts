/** Whom a hosted cache may ask for blocks. */
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { type Clock, withoutZone } from "@branchcache/runtime";
import { type AddressRanges, addressRanges } from "@branchcache/runtime/node";

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
