/** Doctor on a machine with a firewall, and a machine that comes to another place: in a network of its own. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { type Office, openOffice } from "../support/office.ts";
import { requirement } from "../support/requires.ts";

const run = promisify(execFile);
const namespaces = requirement("ip netns");
const nft = requirement("nft");

describe.skipIf(!namespaces.ok || !nft.ok)("a machine in a network of its own", () => {
  let office: Office;
  let daemon: TestDaemon;
  beforeAll(async () => {
    office = await openOffice(["node"]);
    daemon = await startDaemon({
      on: office.on("node"),
      settings: { mode: "distributed", peer: { listen_port: 1337 }, cache: { data: { max_bytes: "1GiB" } } },
    });
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await office?.[Symbol.asyncDispose]();
  });

  const inside = (...words: readonly string[]) => {
    const [program = "", ...args] = [...office.on("node"), ...words];
    return run(program, args);
  };
  const firewall = async () => {
    const { output } = await daemon.run("doctor", "--json");
    return (JSON.parse(output) as { check: string; result: string; cure?: string; text: string }[]).filter(
      ({ check }) => check === "firewall",
    );
  };
  const events = async () => {
    const { output } = await daemon.run("events", "--json");
    return output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  };

  it("is told of the ports that its firewall keeps closed, and that what doctor says opens them", async () => {
    expect(await firewall()).toMatchObject([{ result: "good" }]);
    await inside("nft", "add table inet filter");
    await inside("nft", "add chain inet filter input { type filter hook input priority 0; policy drop; }");
    await inside("nft", "add rule inet filter input iifname lo accept");
    await inside("nft", "add rule inet filter input ct state established,related accept");
    const closed = await firewall();
    expect(closed).toMatchObject([
      { result: "bad", text: "the rules keep UDP 3702 (discovery) out" },
      { result: "bad", text: "the rules keep TCP 1337 (blocks for peers) out" },
    ]);
    const told = await events();
    for (const event of ["firewall.discovery_blocked", "firewall.retrieval_blocked"]) {
      expect(told).toContainEqual(expect.objectContaining({ event, level: "warn" }));
    }
    expect(
      await (await inside("node", "-e", `fetch("${daemon.url}").then((a) => a.text()).then(console.log)`))
        .stdout,
    ).toContain("the rules keep UDP 3702 (discovery) out");
    for (const { cure = "" } of closed) await inside(...(cure.split("\n")[0] ?? "").split(" "));
    expect(await firewall()).toMatchObject([
      { result: "good", text: "no rule keeps UDP 3702 (discovery), TCP 1337 (blocks for peers) out" },
    ]);
  });

  it("notices that it came to another place, and goes on there", async () => {
    await inside("ip", "address", "flush", "dev", "eth0");
    await inside("ip", "address", "add", "10.99.0.7/24", "dev", "eth0");
    const here = { event: "service.roamed", addresses: expect.stringContaining("eth0 10.99.0.7") };
    await expect
      .poll(events, { timeout: 60_000, interval: 1_000 })
      .toContainEqual(expect.objectContaining(here));
    const multicast = (await daemon.run("doctor", "--all")).output;
    expect(multicast).toContain("come back through eth0 (10.99.0.7)");
  });
});
