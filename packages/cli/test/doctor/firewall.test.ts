import { describe, expect, it } from "vitest";
import { flagLayer } from "../../src/config/layers.ts";
import { resolveLayers } from "../../src/config/resolve.ts";
import { closedPorts } from "../../src/doctor/firewall.ts";
import { firewallRules, openings } from "../../src/doctor/firewall-rules.ts";

const settingsOf = (values: Readonly<Record<string, unknown>>) =>
  resolveLayers([
    flagLayer(new Map(Object.entries(values).map(([key, value]) => [key, { flag: "--set", value }]))),
  ]).settings;
const distributed = settingsOf({ mode: "distributed" });

const ruleset = (...objects: readonly unknown[]) => JSON.stringify({ nftables: objects });
const input = (policy: string) => ({
  chain: { family: "inet", table: "filter", name: "input", hook: "input", policy },
});
const accept = (protocol: string, right: unknown) => ({
  rule: {
    table: "filter",
    chain: "input",
    expr: [{ match: { op: "==", left: { payload: { protocol, field: "dport" } }, right } }, { accept: null }],
  },
});
describe("the firewall", () => {
  const closed = (text: string) => closedPorts(text, openings(distributed))?.map(({ port }) => port);

  it.each([
    ["no chain at all", ruleset(), []],
    ["a chain that accepts", ruleset(input("accept")), []],
    ["a chain that drops", ruleset(input("drop")), [3702, 80]],
    ["both let in", ruleset(input("drop"), accept("udp", 3702), accept("tcp", 80)), []],
    ["one let in by a set", ruleset(input("drop"), accept("tcp", { set: [22, 80] })), [3702]],
    ["one let in by a range", ruleset(input("drop"), accept("udp", { range: [3000, 4000] })), [80]],
    ["the right port of the wrong protocol", ruleset(input("drop"), accept("udp", 80)), [3702, 80]],
    [
      "a last rule that rejects",
      ruleset(input("accept"), { rule: { expr: [{ reject: null }] } }),
      [3702, 80],
    ],
  ])("%s", (_name, text, ports) => {
    expect(closed(text)).toEqual(ports);
  });

  it("is not judged by what is no list of rules", () => {
    expect(closedPorts("nonsense", openings(distributed))).toBeUndefined();
    expect(closedPorts("{}", openings(distributed))).toBeUndefined();
  });

  it("is told in three languages what to let in", () => {
    const rules = firewallRules(
      settingsOf({ mode: "hosted-server", "content_server.root": "/srv", "content_server.enabled": true }),
    );
    expect(rules.nftables).toEqual([
      "nft add rule inet filter input tcp dport 80 accept",
      "nft add rule inet filter input tcp dport 443 accept",
      "nft add rule inet filter input tcp dport 8080 accept",
    ]);
    expect(rules.ufw[0]).toBe("ufw allow 80/tcp comment 'BranchCache offers and blocks'");
    expect(firewallRules(settingsOf({ mode: "local" }))).toEqual({ nftables: [], firewalld: [], ufw: [] });
  });
});
