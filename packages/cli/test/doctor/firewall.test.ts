import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { flagLayer } from "../../src/config/layers.ts";
import { resolveLayers } from "../../src/config/resolve.ts";
import { checkFirewall, type Ran } from "../../src/doctor/firewall.ts";
import { firewallRules, openings } from "../../src/doctor/firewall-rules.ts";
import { readChains, type Verdict, verdictOn } from "../../src/doctor/nft-rules.ts";

const settingsOf = (values: Readonly<Record<string, unknown>>) =>
  resolveLayers([
    flagLayer(new Map(Object.entries(values).map(([key, value]) => [key, { flag: "--set", value }]))),
  ]).settings;
const distributed = settingsOf({ mode: "distributed" });

const table = { family: "inet", table: "filter" };
const chain = (name: string, hook?: string, policy?: string) => ({
  chain: { ...table, name, ...(hook === undefined ? {} : { type: "filter", hook, policy }) },
});
const rule = (name: string, ...expr: readonly unknown[]) => ({ rule: { ...table, chain: name, expr } });
const match = (left: unknown, right: unknown, op = "==") => ({ match: { op, left, right } });
const port = (protocol: string, right: unknown) => match({ payload: { protocol, field: "dport" } }, right);
const iif = (name: string) => match({ meta: { key: "iifname" } }, name);
const jump = (target: string) => ({ jump: { target } });
const goto = (target: string) => ({ goto: { target } });
const ACCEPT = { accept: null };
const DROP = { drop: null };
const RETURN = { return: null };
const established = match({ ct: { key: "state" } }, ["established", "related"], "in");
const saddr = match(
  { payload: { protocol: "ip", field: "saddr" } },
  { prefix: { addr: "10.0.0.0", len: 8 } },
);
const listing = (...objects: readonly unknown[]) =>
  JSON.stringify({ nftables: [{ metainfo: {} }, ...objects] });
const dropping = chain("input", "input", "drop");

describe("what the rules do with TCP 80", () => {
  const rows: readonly (readonly [name: string, verdict: Verdict, objects: readonly unknown[]])[] = [
    ["no chain at all", "open", []],
    ["a chain that accepts", "open", [chain("input", "input", "accept")]],
    ["a chain that drops", "closed", [dropping]],
    ["a chain of output that drops", "open", [chain("output", "output", "drop")]],
    ["the port named", "open", [dropping, rule("input", port("tcp", 80), { counter: {} }, ACCEPT)]],
    ["in a set", "open", [dropping, rule("input", port("tcp", { set: [22, 80] }), ACCEPT)]],
    [
      "in a range of a set",
      "open",
      [dropping, rule("input", port("tcp", { set: [{ range: [70, 90] }] }), ACCEPT)],
    ],
    ["in a range", "open", [dropping, rule("input", port("th", { range: [1, 1_000] }), ACCEPT)]],
    ["for the other protocol", "closed", [dropping, rule("input", port("udp", 80), ACCEPT)]],
    ["another port", "closed", [dropping, rule("input", port("tcp", 8_080), ACCEPT)]],
    [
      "all but another port",
      "open",
      [dropping, rule("input", match({ payload: { protocol: "tcp", field: "dport" } }, 22, "!="), ACCEPT)],
    ],
    ["in a named set", "unclear", [dropping, rule("input", port("tcp", "@web"), ACCEPT)]],
    ["in a verdict map", "unclear", [dropping, rule("input", { vmap: { key: {}, data: {} } }, ACCEPT)]],
    ["from some addresses", "unclear", [dropping, rule("input", saddr, port("tcp", 80), ACCEPT)]],
    ["from one interface", "unclear", [dropping, rule("input", iif("eth0"), port("tcp", 80), ACCEPT)]],
    [
      "what is under way, and loopback",
      "closed",
      [dropping, rule("input", established, ACCEPT), rule("input", iif("lo"), ACCEPT)],
    ],
    [
      "new connections",
      "open",
      [dropping, rule("input", match({ ct: { key: "state" } }, { set: ["new"] }), ACCEPT)],
    ],
    [
      "dropped before it is accepted",
      "closed",
      [dropping, rule("input", port("tcp", 80), DROP), rule("input", ACCEPT)],
    ],
    ["dropped from some before", "unclear", [dropping, rule("input", saddr, DROP), rule("input", ACCEPT)]],
    [
      "a last rule that rejects",
      "closed",
      [chain("input", "input", "accept"), rule("input", { reject: null })],
    ],
    [
      "one of two chains",
      "closed",
      [chain("input", "input", "accept"), rule("input", ACCEPT), chain("late", "input", "drop")],
    ],
    [
      "in a chain that is jumped to",
      "open",
      [dropping, rule("input", jump("web")), chain("web"), rule("web", port("tcp", 80), ACCEPT)],
    ],
    [
      "a chain that is jumped to and comes back",
      "closed",
      [dropping, rule("input", jump("web")), chain("web"), rule("web", RETURN), rule("web", ACCEPT)],
    ],
    [
      "a chain that perhaps comes back",
      "unclear",
      [dropping, rule("input", jump("web")), chain("web"), rule("web", saddr, RETURN), rule("web", ACCEPT)],
    ],
    [
      "a chain that is gone to does not come back",
      "closed",
      [dropping, rule("input", goto("web")), chain("web"), rule("input", ACCEPT)],
    ],
    [
      "chains that jump to each other",
      "closed",
      [dropping, rule("input", jump("input")), rule("input", DROP)],
    ],
    [
      "by iptables, new connections to the port",
      "open",
      [dropping, rule("input", port("tcp", 80), { xt: { type: "match", name: "conntrack" } }, ACCEPT)],
    ],
    [
      "by iptables, what is under way",
      "closed",
      [dropping, rule("input", { xt: { type: "match", name: "conntrack" } }, ACCEPT)],
    ],
    [
      "by iptables, several ports",
      "unclear",
      [dropping, rule("input", { xt: { type: "match", name: "multiport" } }, ACCEPT)],
    ],
    [
      "by firewalld, in no zone",
      "closed",
      [
        chain("filter_INPUT", "input", "accept"),
        rule("filter_INPUT", established, ACCEPT),
        rule("filter_INPUT", iif("lo"), ACCEPT),
        rule("filter_INPUT", jump("filter_INPUT_ZONES")),
        rule("filter_INPUT", { reject: { type: "icmpx" } }),
        chain("filter_INPUT_ZONES"),
        rule("filter_INPUT_ZONES", goto("filter_IN_public")),
        chain("filter_IN_public"),
        rule("filter_IN_public", jump("filter_IN_public_allow")),
        chain("filter_IN_public_allow"),
        rule("filter_IN_public_allow", port("tcp", 22), ACCEPT),
      ],
    ],
  ];
  it.each(rows)("%s: %s", (_name, verdict, objects) => {
    const chains = readChains(listing(...objects));
    expect(chains && verdictOn(chains, { protocol: "tcp", port: 80 })).toBe(verdict);
  });

  it("by ufw, as it was listed after `ufw allow 80/tcp`", () => {
    const chains = readChains(readFileSync(join(import.meta.dirname, "ufw-allow-80.json"), "utf8"));
    const verdict = (protocol: "tcp" | "udp", at: number) =>
      chains && verdictOn(chains, { protocol, port: at });
    expect([verdict("tcp", 80), verdict("tcp", 81), verdict("udp", 3702), verdict("udp", 80)]).toEqual([
      "open",
      "closed",
      "closed",
      "closed",
    ]);
  });

  it.each(["nonsense", "{}", '{"nftables": 1}', '{"nftables": [null]}'])("nothing that %s says", (text) => {
    expect(readChains(text)).toBeUndefined();
  });
});

describe("doctor about the firewall", () => {
  const check = async (ran: Ran, settings = distributed) => checkFirewall(settings, async () => ran);

  it("asks nobody where nothing is open", async () => {
    const asked = checkFirewall(settingsOf({ mode: "local" }), () => {
      throw new Error("asked");
    });
    expect(await asked).toEqual([]);
  });

  it("names each port that is kept out, with the rules that let it in, and the event of each", async () => {
    const output = listing(dropping, rule("input", port("tcp", 22), ACCEPT));
    expect(await check({ kind: "done", output })).toEqual([
      {
        check: "firewall",
        result: "bad",
        text: "the rules keep UDP 3702 (discovery) out",
        cure: [
          "nft add rule inet filter input udp dport 3702 accept",
          "or",
          "firewall-cmd --permanent --add-port=3702/udp",
          "firewall-cmd --reload",
          "or",
          "ufw allow 3702/udp comment 'BranchCache discovery'",
        ].join("\n"),
        event: "firewall.discovery_blocked",
      },
      expect.objectContaining({ result: "bad", event: "firewall.retrieval_blocked" }),
    ]);
    const hosted = await check({ kind: "done", output }, settingsOf({ mode: "hosted-server" }));
    expect(hosted.map(({ event }) => event)).toEqual([
      "firewall.retrieval_blocked",
      "firewall.offers_blocked",
    ]);
  });

  it("says what is let in, what is not clear, and what it cannot know", async () => {
    const rules = [dropping, rule("input", port("udp", 3702), ACCEPT), rule("input", saddr, ACCEPT)];
    expect(await check({ kind: "done", output: listing(...rules) })).toMatchObject([
      { result: "unknown", text: expect.stringContaining("let TCP 80 (blocks for peers) in from some") },
      { result: "good", text: "no rule keeps UDP 3702 (discovery) out" },
    ]);
    expect(await check({ kind: "absent" })).toMatchObject([
      { result: "unknown", text: expect.stringContaining("nft is not installed") },
    ]);
    expect(await check({ kind: "failed", reason: "Operation not permitted" })).toMatchObject([
      { result: "unknown", text: "the rules cannot be read (Operation not permitted): run doctor as root" },
    ]);
    expect(await check({ kind: "done", output: "?" })).toMatchObject([{ result: "unknown" }]);
  });

  it("is told in three languages what to let in", () => {
    const rules = firewallRules(
      openings(
        settingsOf({ mode: "hosted-server", "content_server.root": "/srv", "content_server.enabled": true }),
      ),
    );
    expect(rules.nftables).toEqual([
      "nft add rule inet filter input tcp dport 80 accept",
      "nft add rule inet filter input tcp dport 443 accept",
      "nft add rule inet filter input tcp dport 8080 accept",
    ]);
    expect(rules.firewalld).toEqual([
      "firewall-cmd --permanent --add-port=80/tcp",
      "firewall-cmd --permanent --add-port=443/tcp",
      "firewall-cmd --permanent --add-port=8080/tcp",
      "firewall-cmd --reload",
    ]);
    expect(rules.ufw[0]).toBe("ufw allow 80/tcp comment 'BranchCache offers and blocks'");
    expect(firewallRules([])).toEqual({ nftables: [], firewalld: [], ufw: [] });
  });
});
