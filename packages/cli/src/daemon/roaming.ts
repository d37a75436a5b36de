/** Whether this machine came to another place: its addresses say so. Windows' event 3. */
import { networkInterfaces } from "node:os";
import type { Clock } from "@branchcache/runtime";

const LOOK_EVERY_MS = 5_000;

/** Calls `onRoamed` with what addresses there are now, once they are others than before. Gives what ends it. */
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

/** Of IPv6 the network alone: what follows it changes for privacy, and link-local ones are the same everywhere. */
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

/** `os` gives it with zeros left out; the first 64 bits of it. */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const behind = tail === undefined || tail === "" ? [] : tail.split(":");
  if (tail !== undefined)
    groups.push(...Array<string>(8 - groups.length - behind.length).fill("0"), ...behind);
  return `${groups.slice(0, 4).join(":")}::/64`;
}
