/** Two hosts with kernels' own multicast between them. Needs root and `ip`; built packages. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requirement } from "../../../../test/support/requires.ts";

const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "pipe" });
const names = { a: `bc-a-${process.pid}`, b: `bc-b-${process.pid}` };
const script = fileURLToPath(new URL("./node.mjs", import.meta.url));

const inside = (namespace: string, command: readonly string[]): ChildProcess =>
  spawn("ip", ["netns", "exec", namespace, ...command], { stdio: ["pipe", "pipe", "inherit"] });

async function output(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.on("data", (piece) => {
    text += piece;
  });
  await once(child, "close");
  return text;
}

/** Until the kernel has made sure that its link-local address is its own. */
async function linkLocal(namespace: string): Promise<void> {
  for (;;) {
    const shown = String(execFileSync("ip", ["-n", namespace, "-6", "addr", "show", "dev", "eth0"]));
    if (shown.includes("inet6 fe80") && !shown.includes("tentative")) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe.skipIf(!requirement("ip netns").ok)("between two namespaces (needs root and ip)", () => {
  beforeAll(async () => {
    for (const namespace of Object.values(names)) ip("netns", "add", namespace);
    ip("link", "add", "eth0", "netns", names.a, "type", "veth", "peer", "name", "eth0", "netns", names.b);
    for (const [i, namespace] of Object.values(names).entries()) {
      ip("-n", namespace, "addr", "add", `10.71.1.${i + 1}/24`, "dev", "eth0");
      ip("-n", namespace, "link", "set", "lo", "up");
      ip("-n", namespace, "link", "set", "eth0", "up");
    }
    await Promise.all(Object.values(names).map(linkLocal));
  }, 30_000);
  afterAll(() => {
    for (const namespace of Object.values(names)) ip("netns", "del", namespace);
  });

  it.each([
    ["4", /^10\.71\.1\.1$/],
    ["6", /^fe80::.*%eth0$/],
  ])(
    "WSD-1 WSD-70 PCCRD-1 a peer is found over IPv%s",
    async (family, address) => {
      const serving = inside(names.a, [process.execPath, script, "serve", family]);
      await once(serving.stdout as NodeJS.ReadableStream, "data");
      const { found } = JSON.parse(await output(inside(names.b, [process.execPath, script, "find", family])));
      serving.stdin?.end();
      await once(serving, "close");
      expect(found).toMatchObject([
        {
          version: 1,
          complete: false,
          addresses: [{ address: expect.stringMatching(address), port: 8_000 }],
        },
        { version: 2, complete: true, addresses: [{ address: expect.stringMatching(address), port: 8_000 }] },
      ]);
    },
    300_000,
  );

  it.for([
    // It answers anything, with a device of its own.
    ["wsdd2", 1, "-4", "-w", "-i", "eth0"],
    ["wsdd", 0, "-4", "-i", "eth0"],
  ] as const)(
    "PCCRD-10 PCCRD-53 %s on the link does no harm",
    { timeout: 60_000 },
    async ([name, answers, ...args], { skip }) => {
      const { ok, path, reason } = requirement(name);
      if (!ok) skip(reason);
      const stranger = inside(names.a, [path, ...args]);
      const serving = inside(names.a, [process.execPath, script, "serve", "4"]);
      await once(serving.stdout as NodeJS.ReadableStream, "data");
      const { found, dropped } = JSON.parse(
        await output(inside(names.b, [process.execPath, script, "find", "4"])),
      );
      serving.stdin?.end();
      stranger.kill();
      await Promise.all([once(serving, "close"), once(stranger, "close")]);
      expect(found.map(({ version }: { readonly version: number }) => version)).toEqual([1, 2]);
      expect(dropped.foreign ?? 0).toBeGreaterThanOrEqual(answers);
      expect(dropped.malformed ?? 0).toBe(0);
      expect(new Set(found.map(({ peer }: { readonly peer: string }) => peer)).size).toBe(1);
    },
  );
});
