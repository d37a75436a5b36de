import { lookup, lookupService } from "node:dns/promises";
import { hostname } from "node:os";

/** This host's name, with its domain where the system knows one. */
export async function fullName(): Promise<string> {
  const name = hostname().toLowerCase();
  if (name.includes(".")) return name;
  // The resolver may know the domain that the kernel does not.
  const { address } = await lookup(name).catch(() => ({ address: undefined }));
  if (address === undefined) return name;
  const found = await lookupService(address, 80).then(
    (service) => service.hostname.toLowerCase(),
    () => name,
  );
  return found.startsWith(`${name}.`) ? found : name;
}
