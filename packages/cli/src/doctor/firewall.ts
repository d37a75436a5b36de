/** Whether the firewall of this machine would keep others out, as far as its rules can be read. */
import { execFile } from "node:child_process";
import type { Settings } from "../config/schema.ts";
import { bad, type Finding, good, unknown } from "./finding.ts";
import { firewallRules, type Opening, openings } from "./firewall-rules.ts";
import { readChains, type Verdict, verdictOn } from "./nft-rules.ts";

/** `run`: how nft is asked. */
export async function checkFirewall(
  settings: Settings,
  run: typeof runProgram = runProgram,
): Promise<readonly Finding[]> {
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
  const chains = readChains(listed.output);
  if (!chains) {
    const text = `what nft lists is nothing that doctor understands: it must let in ${portsText(open)}`;
    return [unknown("firewall", text)];
  }
  const judged = open.map((opening) => [opening, verdictOn(chains, opening)] as const);
  const those = (wanted: Verdict) =>
    judged.flatMap(([opening, verdict]) => (verdict === wanted ? [opening] : []));
  const [letIn, unclear] = [those("open"), those("unclear")];
  return [
    ...those("closed").map((opening) => {
      const { nftables, firewalld, ufw } = firewallRules([opening]);
      return bad(
        "firewall",
        `the rules keep ${portsText([opening])} out`,
        [...nftables, "or", ...firewalld, "or", ...ufw].join("\n"),
        opening.blocked,
      );
    }),
    ...(unclear.length > 0
      ? [
          unknown(
            "firewall",
            `the rules let ${portsText(unclear)} in from some addresses or interfaces, or by what nft does not show`,
          ),
        ]
      : []),
    ...(letIn.length > 0 ? [good("firewall", `no rule keeps ${portsText(letIn)} out`)] : []),
  ];
}

const portsText = (list: readonly Opening[]) =>
  list.map(({ protocol, port, what }) => `${protocol.toUpperCase()} ${port} (${what})`).join(", ");

export type Ran =
  | { readonly kind: "done"; readonly output: string }
  | { readonly kind: "absent" }
  | { readonly kind: "failed"; readonly reason: string };

function runProgram(program: string, args: readonly string[]): Promise<Ran> {
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
