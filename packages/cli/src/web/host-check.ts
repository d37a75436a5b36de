/**
 * Keeps pages of other sites from reading ours through a name of theirs that they point at this machine (DNS
 * rebinding): addresses and localhost cannot be pointed anywhere.
 */
import { isIP } from "node:net";

export function isAllowedHost(host: string | undefined, allowed: readonly string[]): boolean {
  if (host === undefined) return false;
  const name = /^(?:\[([^\]]+)\]|([^:]+))(?::\d{1,5})?$/.exec(host.trim().toLowerCase());
  const bare = name?.[1] ?? name?.[2];
  if (bare === undefined) return false;
  if (name?.[1] !== undefined) return isIP(bare) === 6;
  return (
    bare === "localhost" ||
    isIP(bare) === 4 ||
    allowed.some((one) => one.toLowerCase().replace(/\.$/, "") === bare)
  );
}
