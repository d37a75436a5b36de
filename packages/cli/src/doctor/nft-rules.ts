/**
 * What the rules of a Linux firewall do with a new connection or datagram from outside, read from `nft -j list ruleset`:
 * nftables itself, and what firewalld, ufw and iptables make of it.
 */

export interface Arrival {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
}

/** `unclear`: it depends on addresses, interfaces, sets or matches that the listing does not show. */
export type Verdict = "open" | "closed" | "unclear";

interface Chain {
  readonly hook: string | undefined;
  readonly policy: string | undefined;
  readonly rules: (readonly unknown[])[];
}

type Chains = ReadonlyMap<string, Chain>;
type Known = "yes" | "no" | "maybe";
/** How a walk through a chain ended; `end` for the caller's next rule. */
type End = "accept" | "drop" | "end";

/** Undefined for what is no such listing. */
export function readChains(listing: string): Chains | undefined {
  const chains = new Map<string, Chain>();
  try {
    const { nftables } = JSON.parse(listing) as { readonly nftables?: unknown };
    if (!Array.isArray(nftables)) return undefined;
    for (const object of nftables) {
      const { chain, rule } = object as { readonly chain?: Fields; readonly rule?: Fields };
      if (chain) {
        const { hook, policy } = chain as { readonly hook?: string; readonly policy?: string };
        chains.set(chainKey(chain, chain["name"]), { hook, policy, rules: [] });
      } else if (rule && Array.isArray(rule["expr"])) {
        // An inner chain of the same table is named without it.
        const table = chainKey(rule, "");
        chains.get(chainKey(rule, rule["chain"]))?.rules.push([...rule["expr"], { table }]);
      }
    }
    return chains;
  } catch {
    return undefined;
  }
}

/** A packet passes every chain of the input hook; one that drops it is enough. */
export function verdictOn(chains: Chains, arrival: Arrival): Verdict {
  let verdict: Verdict = "open";
  for (const chain of chains.values()) {
    if (chain.hook !== "input") continue;
    const walk = new Walk(chains, arrival);
    const end = walk.through(chain, 0);
    const dropped = end === "drop" || (end === "end" && chain.policy === "drop");
    if (dropped && !walk.mayAccept) return "closed";
    if (dropped || walk.mayDrop) verdict = "unclear";
  }
  return verdict;
}

/** Deeper than any sensible ruleset jumps; ends the walk through chains that jump in a circle. */
const DEPTH_MAX = 16;

class Walk {
  readonly #chains: Chains;
  readonly #arrival: Arrival;
  mayAccept = false;
  mayDrop = false;

  constructor(chains: Chains, arrival: Arrival) {
    this.#chains = chains;
    this.#arrival = arrival;
  }

  through(chain: Chain, depth: number): End {
    if (depth > DEPTH_MAX) return "end";
    // Whether the walk comes as far as this rule at all.
    let certain = true;
    for (const rule of chain.rules) {
      const known = matches(rule, this.#arrival);
      if (known === "no") continue;
      const end = this.#verdictOf(rule, depth);
      if (end === undefined) continue;
      if (known === "yes" && (certain || end === "return")) return end === "return" ? "end" : end;
      if (end === "accept") this.mayAccept = true;
      else if (end === "drop") this.mayDrop = true;
      if (known === "yes") return "end";
      if (end === "return") certain = false;
    }
    return "end";
  }

  /** Undefined where the walk goes on with the next rule. */
  #verdictOf(rule: readonly unknown[], depth: number): Exclude<End, "end"> | "return" | undefined {
    const { table } = field(rule, "table") as { readonly table: string };
    for (const part of rule) {
      if (has(part, "accept")) return "accept";
      if (has(part, "drop") || has(part, "reject")) return "drop";
      if (has(part, "return")) return "return";
      for (const way of ["jump", "goto"] as const) {
        const { target } = ((part as Fields)[way] ?? {}) as { readonly target?: string };
        const chain = target === undefined ? undefined : this.#chains.get(table + target);
        if (!chain) continue;
        const end = this.through(chain, depth + 1);
        if (end !== "end") return end;
        if (way === "goto") return "return";
      }
    }
    return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function chainKey({ family, table }: Fields, name: unknown): string {
  return `${String(family)} ${String(table)} ${String(name)}`;
}

const has = (part: unknown, key: string): boolean => typeof part === "object" && part !== null && key in part;

function field(parts: readonly unknown[], key: string): unknown {
  return parts.find((part) => has(part, key));
}

function matches(rule: readonly unknown[], arrival: Arrival): Known {
  let known: Known = "yes";
  const namesPort = rule.some((part) => matchOf(part, arrival) === "port");
  for (const part of rule) {
    let one = matchOf(part, arrival);
    if (one === "port") one = "yes";
    // iptables' match, whose states the listing leaves out: with a port, "new"; without, "established".
    if (one === "state") one = namesPort ? "yes" : "no";
    if (one === "no") return "no";
    if (one === "maybe") known = "maybe";
  }
  return known;
}

/** `port`: yes, and it is about this very port. */
function matchOf(part: unknown, arrival: Arrival): Known | "port" | "state" {
  const { match, xt, limit, vmap } = part as {
    readonly match?: { readonly op: string; readonly left: unknown; readonly right: unknown };
    readonly xt?: Fields;
    readonly limit?: unknown;
    readonly vmap?: unknown;
  };
  if (xt) {
    if (xt["type"] !== "match") return "yes";
    // All packets on the input hook are addressed to this machine.
    if (xt["name"] === "addrtype") return "yes";
    return xt["name"] === "conntrack" || xt["name"] === "state" ? "state" : "maybe";
  }
  if (limit !== undefined || vmap !== undefined) return "maybe";
  if (!match) return "yes";
  const is = isMatched(match.left, match.right, arrival);
  if (match.op !== "!=" || is === "maybe") return is;
  return is === "no" ? "yes" : "no";
}

function isMatched(left: unknown, right: unknown, { protocol, port }: Arrival): Known | "port" {
  const { payload, meta, ct } = left as {
    readonly payload?: Fields;
    readonly meta?: Fields;
    readonly ct?: Fields;
  };
  if (payload) {
    const of = payload["protocol"];
    if (typeof of === "string" && /^(?:tcp|udp|icmp|icmpv6|sctp|dccp)$/.test(of) && of !== protocol)
      return "no";
    if (payload["field"] !== "dport") return "maybe";
    const is = contains(right, port);
    return is === "yes" ? "port" : is;
  }
  if (meta?.["key"] === "l4proto") return contains(right, protocol);
  if (meta?.["key"] === "iifname" || meta?.["key"] === "iif") return right === "lo" ? "no" : "maybe";
  if (ct?.["key"] === "state") return contains(right, "new");
  return "maybe";
}

/** Whether a value, range, set or list has it; `maybe` for a set that is named elsewhere. */
function contains(right: unknown, wanted: string | number): Known {
  if (right === wanted) return "yes";
  if (typeof right === "string") return right.startsWith("@") ? "maybe" : "no";
  if (typeof right !== "object" || right === null) return "no";
  const { range, set } = right as { readonly range?: readonly unknown[]; readonly set?: unknown };
  if (range) {
    const [low, high] = range;
    return Number(low) <= Number(wanted) && Number(wanted) <= Number(high) ? "yes" : "no";
  }
  const members = set ?? (right as Fields)["|"] ?? right;
  const each = (Array.isArray(members) ? members : [members]).map((one) =>
    one === right ? "no" : contains(one, wanted),
  );
  return each.includes("yes") ? "yes" : each.includes("maybe") ? "maybe" : "no";
}
