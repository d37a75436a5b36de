/** Every command of the guides that is marked to be run, in the order of the page, on a daemon of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freeUdpPort } from "@branchcache/cli/testing";
import { describe, expect, it } from "vitest";
import { command } from "../support/commands.ts";
import { startDaemon } from "../support/daemon.ts";

const guides = join(import.meta.dirname, "../../docs/guides");

describe("the guides", () => {
  it.each(["first-node.md", "troubleshooting.md"])("%s", async (name) => {
    const page = await readFile(join(guides, name), "utf8");
    const script = [...page.matchAll(/<!-- run -->\n```sh\n([\s\S]*?)```/g)]
      .map(([, block]) => block)
      .join("\n");
    expect(script).toContain("branchcache");
    await using daemon = await startDaemon({
      settings: {
        peer: { listen_address: "127.0.0.1", listen_port: 0, interfaces: ["127.0.0.1"] },
        discovery: { port: await freeUdpPort() },
      },
    });
    const share = join(daemon.directory, "share");
    const bin = join(daemon.directory, "bin");
    await mkdir(share);
    await mkdir(bin);
    await writeFile(
      join(share, "setup.bin"),
      new Uint8Array(600_000).map((_, i) => (i * 2_654_435_761) >>> 9),
    );
    const words = command("branchcache", "--config", daemon.configFile).map((word) => `'${word}'`);
    await writeFile(join(bin, "branchcache"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
    await chmod(join(bin, "branchcache"), 0o755);
    const env = {
      ...process.env,
      PATH: `${bin}:${process.env["PATH"]}`,
      SHARE: share,
      BRANCHCACHE_CONTROL_SOCKET: join(daemon.directory, "control.sock"),
      BRANCHCACHE_API_SOCKET: daemon.socket,
    };
    // `doctor` ends with 4 while BranchCache is off, as the guide says.
    const lines = script.replace(/^branchcache doctor$/m, "branchcache doctor || test $? = 4");
    const child = spawn("sh", ["-e", "-c", lines], {
      cwd: daemon.directory,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (text) => {
      output += text;
    });
    child.stderr.on("data", (text) => {
      output += text;
    });
    const [code] = await once(child, "close");
    expect(code, output).toBe(0);
    if (name !== "first-node.md") return;
    const original = await readFile(join(share, "setup.bin"));
    expect(await readFile(join(daemon.directory, "second"))).toEqual(original);
    expect(output).toContain("586 KiB did not cross the WAN today");
  });
});
