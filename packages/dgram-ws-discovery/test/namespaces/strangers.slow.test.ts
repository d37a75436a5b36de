/** Other people's services, in a namespace of their own. Needs root, `ip`, wsdd and wsdd2; built package. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { requirement } from "../../../../test/support/requires.ts";

const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "pipe" });
const ours = `wsd-ours-${process.pid}`;
const theirs = `wsd-theirs-${process.pid}`;
const bin = fileURLToPath(new URL("../../dist/node/bin.js", import.meta.url));
const service = fileURLToPath(new URL("./service.mjs", import.meta.url));
const DEVICE = "{http://schemas.xmlsoap.org/ws/2006/02/devprof}Device";

interface Shown {
  readonly change?: string;
  readonly address: string;
  readonly types?: readonly { readonly local: string }[];
}

/** An `eth0` or `eth1` on each side, with a subnet of its own. */
function connect(index: 0 | 1): void {
  const name = `eth${index}`;
  ip("link", "add", name, "netns", ours, "type", "veth", "peer", "name", name, "netns", theirs);
  for (const [i, namespace] of [ours, theirs].entries()) {
    ip("-n", namespace, "addr", "add", `10.72.${index + 1}.${i + 1}/24`, "dev", name);
    ip("-n", namespace, "link", "set", name, "up");
  }
}

const running: ChildProcess[] = [];
function inside(namespace: string, ...command: readonly string[]): ChildProcess {
  const child = spawn("ip", ["netns", "exec", namespace, ...command], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  // Nobody reads most of it, and a full pipe would hold the child up.
  child.stderr?.resume();
  running.push(child);
  return child;
}

/** Resolves when what a child has written to its log fits. */
function logOf({ stderr }: ChildProcess) {
  let text = "";
  stderr?.on("data", (piece) => {
    text += piece;
  });
  return async (fits: RegExp): Promise<void> => {
    while (!fits.test(text)) await once(stderr as NodeJS.ReadableStream, "data");
  };
}

/** The lines of our command: as they come, and all of them once it ends. */
function command(...args: readonly string[]) {
  const child = inside(ours, process.execPath, bin, ...args, "--json");
  let text = "";
  const shown = (): Shown[] =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  child.stdout?.on("data", (piece) => {
    text += piece;
  });
  return {
    /** Resolves when a line fits. */
    async until(fits: (line: Shown) => boolean): Promise<Shown> {
      for (;;) {
        const found = shown().find(fits);
        if (found) return found;
        await once(child.stdout as NodeJS.ReadableStream, "data");
      }
    },
    async ended(): Promise<Shown[]> {
      await once(child, "close");
      return shown();
    },
  };
}

/** Until somebody in the namespace has bound UDP 3702, which is 0E76 there. */
async function bound(namespace: string): Promise<void> {
  while (!String(ip("netns", "exec", namespace, "cat", "/proc/net/udp")).includes(":0E76 ")) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill();
  await closed;
}

/** Until the group is joined on the interface, or left. The kernel shows 239.255.255.250 as FAFFFFEF. */
async function joined(namespace: string, device: string, isJoined: boolean): Promise<void> {
  for (;;) {
    const shown = String(ip("netns", "exec", namespace, "cat", "/proc/net/igmp"));
    const [, groups = ""] = shown.split(`\t${device} `);
    if ((groups.split(/\n\d/)[0] ?? "").includes("FAFFFFEF") === isJoined) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe.skipIf(!requirement("ip netns").ok)("strangers (needs root and ip)", () => {
  beforeEach(() => {
    for (const namespace of [ours, theirs]) ip("netns", "add", namespace);
    for (const namespace of [ours, theirs]) ip("-n", namespace, "link", "set", "lo", "up");
    connect(0);
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map(stop));
    for (const namespace of [ours, theirs]) ip("netns", "del", namespace);
  });

  it.for([
    ["wsdd", "-4", "-i", "eth0"],
    ["wsdd2", "-4", "-w", "-i", "eth0"],
  ] as const)(
    "%s is heard as it comes and goes, and found",
    {
      timeout: 60_000,
    },
    async ([name, ...args], { skip }) => {
      const { ok, path, reason } = requirement(name);
      if (!ok) skip(reason);
      const listening = command("listen");
      await bound(ours);
      const stranger = inside(theirs, path, ...args);
      const added = await listening.until(({ change }) => change === "added");
      const found = await command("probe", "--type", DEVICE, "--timeout", "1500").ended();
      expect(found.map(({ address }) => address)).toEqual([added.address]);
      expect(found[0]?.types?.map(({ local }) => local)).toContain("Device");
      const resolved = await command("resolve", added.address).ended();
      expect(resolved.map(({ address }) => address)).toEqual([added.address]);
      await stop(stranger);
      await listening.until(({ change, address }) => change === "removed" && address === added.address);
    },
  );

  it("WSD-14 WSD-21 WSD-28 wsdd, as a client, takes our Hello and our answer, and hears our Bye", {
    timeout: 60_000,
  }, async ({ skip }) => {
    const { ok, path, reason } = requirement("wsdd");
    if (!ok) skip(reason);
    const uuid = "6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a5";
    const xAddr = "http://10.72.1.1:5357/nobody";
    const serving = inside(ours, process.execPath, service, `urn:uuid:${uuid}`, xAddr);
    await bound(ours);
    // Without -o its server drops what its client should have seen.
    const socket = `/tmp/${theirs}.sock`;
    const stranger = inside(theirs, path, "-D", "-o", "-4", "-i", "eth0", "-v", "-v", "-l", socket);
    const logged = logOf(stranger);
    await logged(new RegExp(`probe match for .*${uuid} on ${xAddr}`));
    const other = uuid.replace("6a1e", "7b2f");
    inside(ours, process.execPath, service, `urn:uuid:${other}`, xAddr);
    await logged(new RegExp(`Hello from .*${other} on ${xAddr}`));
    serving.stdin?.end();
    await logged(/10\.72\.1\.1:\d+\(eth0\) - - "Bye /);
  });

  it("an interface that comes later is joined, and one that goes disturbs no other", {
    timeout: 60_000,
  }, async ({ skip }) => {
    const { ok, path, reason } = requirement("wsdd");
    if (!ok) skip(reason);
    const [later, other] = ["6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a5", "7b2f9c7d-3e80-4d66-9f4b-a2c1d5e308b6"];
    const listening = command("listen");
    await joined(ours, "eth0", true);
    connect(1);
    await joined(ours, "eth1", true);
    const stranger = inside(theirs, path, "-4", "-i", "eth1", "-U", later);
    await listening.until(({ address }) => address.endsWith(later));
    await stop(stranger);
    ip("-n", ours, "link", "del", "eth1");
    await joined(ours, "eth1", false);
    inside(theirs, path, "-4", "-i", "eth0", "-U", other);
    await listening.until(({ address }) => address.endsWith(other));
  });
});
