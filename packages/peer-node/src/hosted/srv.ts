/** Finding hosted caches by DNS: `_branchcache._tcp.<domain>`, a record of ours that Windows does not know. RFC 2782 */
import { resolveSrv } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { errorCode, errorMessage, type Observer, type Random, randomFraction } from "@branchcache/runtime";

/** Service and protocol labels of the SRV record, in front of the domain. RFC 2782 */
export const SRV_SERVICE = "_branchcache._tcp";

/** Where a hosted cache listens. */
export interface HostedCacheAddress {
  /** Name or address. */
  readonly host: string;
  /** For blocks and offers of version 2.0. */
  readonly port: number;
  /** Lower ones first: those with a higher number are used only where none with a lower one answers. Default 0. */
  readonly priority?: number;
}

/** One SRV record, as `resolveSrv` of `node:dns` gives it. RFC 2782 */
export interface SrvRecord {
  /** The target host. */
  readonly name: string;
  readonly port: number;
  /** The lowest is tried first. */
  readonly priority: number;
  /** Share of choices among records of the same priority. */
  readonly weight: number;
}

/** Which domains are asked for hosted caches, and how. */
export interface DiscoverOptions {
  /** Default that of this host's name, else the search domains of the resolver. */
  readonly domains?: readonly string[];
  readonly random: Random;
  readonly observer: Observer;
  /** Default the system's resolver. */
  readonly resolve?: (name: string) => Promise<readonly SrvRecord[]>;
}

/** By priority, and at random by weight within one. Empty where there are none; never rejects. */
export async function discoverHostedCaches(options: DiscoverOptions): Promise<readonly HostedCacheAddress[]> {
  const { observer, random, resolve = resolveSrv } = options;
  for (const domain of options.domains ?? (await localDomains())) {
    const name = `${SRV_SERVICE}.${domain}`;
    try {
      const records = await resolve(name);
      // A single root stands for "decidedly not available here".
      const usable = records.filter((record) => record.name !== "" && record.name !== ".");
      return inOrder(usable, random).map(({ name: host, port, priority }) => ({ host, port, priority }));
    } catch (error) {
      const isNone = ["ENOTFOUND", "ENODATA"].includes(errorCode(error) ?? "");
      observer.event(isNone ? "debug" : "warn", "discover_server.failed", {
        name,
        reason: errorMessage(error),
      });
    }
  }
  return [];
}

function inOrder(records: readonly SrvRecord[], random: Random): SrvRecord[] {
  const left = [...records].sort((a, b) => a.priority - b.priority);
  const ordered: SrvRecord[] = [];
  while (left.length > 0) {
    const group = left.filter(({ priority }) => priority === left[0]?.priority);
    const sum = group.reduce((total, { weight }) => total + weight, 0);
    let at = randomFraction(random) * sum;
    const chosen =
      group.find(({ weight }) => {
        at -= weight;
        return at < 0;
      }) ?? group[0];
    if (!chosen) break;
    ordered.push(chosen);
    left.splice(left.indexOf(chosen), 1);
  }
  return ordered;
}

async function localDomains(): Promise<readonly string[]> {
  const [, ...labels] = hostname().split(".");
  if (labels.length > 0) return [labels.join(".")];
  const text = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  const line = /^(?:search|domain)\s+(.+)$/m.exec(text)?.[1];
  return line?.trim().split(/\s+/).slice(0, 6) ?? [];
}
