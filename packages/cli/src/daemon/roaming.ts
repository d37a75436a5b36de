/** Notices by its addresses that this machine has moved to another network. Windows reports that as event 3. */
import { networkInterfaces } from "node:os";
import type { Clock } from "@branchcache/runtime";

const LOOK_EVERY_MS = 5_000;

/** Calls `onRoamed` with the present addresses when they differ from those before. Returns what stops it. */
export function watchRoaming(
  clock: Clock,
  onRoamed: (addresses: string) => void,
  interfaces: typeof networkInterfaces = networkInterfaces,
): () => void {
  let known = placeOf(interfaces());
  let cancel = () => {};
  const look = () => {
    const now = placeOf(interfaces());
    if (now !== known) {
      known = now;
      onRoamed(now);
    }
    cancel = clock.after(LOOK_EVERY_MS, look);
  };
  cancel = clock.after(LOOK_EVERY_MS, look);
  return () => cancel();
}

/** Of an IPv6 address only the network: the rest changes for privacy. Link-local addresses exist everywhere. */
function placeOf(interfaces: ReturnType<typeof networkInterfaces>): string {
  const places = new Set<string>();
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    for (const { internal, family, address, scopeid } of addresses) {
      if (internal || scopeid) continue;
      places.add(`${name} ${family === "IPv4" ? address : networkOf(address)}`);
    }
  }
  return [...places].sort().join(", ");
}

/** The first 64 bits of an IPv6 address, which `os` gives in its short form (`::`). */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const behind = tail === undefined || tail === "" ? [] : tail.split(":");
  if (tail !== undefined)
    groups.push(...Array<string>(8 - groups.length - behind.length).fill("0"), ...behind);
  return `${groups.slice(0, 4).join(":")}::/64`;
}
