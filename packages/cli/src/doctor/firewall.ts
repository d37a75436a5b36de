/** Whether the firewall of this machine would keep others out, as far as its rules can be read. */
import { execFile } from "node:child_process";
import type { Settings } from "../config/schema.ts";
import { bad, type Finding, good, unknown } from "./finding.ts";
import { firewallRules, type Opening, openings } from "./firewall-rules.ts";

interface NftObject {
  readonly chain?: {
    readonly hook?: string;
    readonly policy?: string;
    readonly family: string;
    readonly table: string;
    readonly name: string;
  };
  readonly rule?: { readonly expr: readonly unknown[]; readonly table: string; readonly chain: string };
}

export async function checkFirewall(settings: Settings): Promise<readonly Finding[]> {
  const open = openings(settings);
  if (open.length === 0) return [];
  const listed = await run("nft", ["-j", "list", "ruleset"]);
  if (listed.kind === "absent") {
    return [
      unknown(
        "firewall",
        `nft is not installed: if another firewall runs, it must let in ${portsText(open)}`,
      ),
    ];
  }
  if (listed.kind === "failed")
    return [unknown("firewall", `the rules cannot be read (${listed.reason}): run doctor as root`)];
  const closed = closedPorts(listed.output, open);
  if (closed === undefined)
    return [unknown("firewall", "the rules are in a form that doctor does not understand")];
  if (closed.length === 0) return [good("firewall", `no rule keeps ${portsText(open)} out`)];
  const rules = firewallRules(settings);
  return [
    bad(
      "firewall",
      `the rules drop what they do not name, and name no ${portsText(closed)}`,
      [...rules.nftables, "or", ...rules.firewalld, "or", ...rules.ufw].join("\n"),
    ),
  ];
}

const portsText = (list: readonly Opening[]) =>
  list.map(({ protocol, port, what }) => `${protocol.toUpperCase()} ${port} (${what})`).join(", ");

/**
 * A chain of the input hook whose policy is drop, and no rule that accepts the port: rough, and right for what the
 * usual tools write. Undefined for what is no output of `nft -j`.
 */
export function closedPorts(output: string, open: readonly Opening[]): readonly Opening[] | undefined {
  let objects: readonly NftObject[];
  try {
    objects = (JSON.parse(output) as { readonly nftables: readonly NftObject[] }).nftables;
    if (!Array.isArray(objects)) return undefined;
  } catch {
    return undefined;
  }
  const drops = objects.some(({ chain }) => chain?.hook === "input" && chain.policy === "drop");
  const rejects = objects.some(({ rule }) => rule !== undefined && isCatchAll(rule.expr));
  if (!drops && !rejects) return [];
  const accepting = objects.flatMap(({ rule }) =>
    rule && isAccept(rule.expr) ? [JSON.stringify(rule.expr)] : [],
  );
  return open.filter(({ protocol, port }) => !accepting.some((text) => acceptsPort(text, protocol, port)));
}

const isAccept = (expressions: readonly unknown[]) => expressions.some((one) => isObjectWith(one, "accept"));

/** A rule of nothing but a verdict, as firewalld ends its chains. */
const isCatchAll = (expressions: readonly unknown[]) =>
  expressions.length === 1 &&
  expressions.some((one) => isObjectWith(one, "drop") || isObjectWith(one, "reject"));

function isObjectWith(value: unknown, key: string): boolean {
  return typeof value === "object" && value !== null && key in value;
}

function acceptsPort(text: string, protocol: string, port: number): boolean {
  if (!text.includes('"dport"') || !text.includes(`"protocol":"${protocol}"`)) return false;
  if (
    new RegExp(String.raw`"right":\s*${port}\b`).test(text) ||
    new RegExp(String.raw`[[,]${port}[\],]`).test(text)
  ) {
    return true;
  }
  return [...text.matchAll(/"range":\[(\d+),(\d+)\]/g)].some(
    ([, low, high]) => Number(low) <= port && port <= Number(high),
  );
}

type Ran =
  | { readonly kind: "done"; readonly output: string }
  | { readonly kind: "absent" }
  | { readonly kind: "failed"; readonly reason: string };

function run(program: string, args: readonly string[]): Promise<Ran> {
  const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
  return new Promise((resolve) => {
    execFile(
      program,
      [...args],
      { env, timeout: 5_000, maxBuffer: 16 * 2 ** 20 },
      (error, output, complaint) => {
        if (!error) resolve({ kind: "done", output });
        else if (error.code === "ENOENT") resolve({ kind: "absent" });
        else resolve({ kind: "failed", reason: complaint.trim().split("\n")[0] ?? String(error.code) });
      },
    );
  });
}
