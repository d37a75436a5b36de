/** The profiles of clients as they are typed: with a command for the client, and by hand. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { freeUdpPort } from "@branchcache/cli/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import certificates from "../../support/certificates.json" with { type: "json" };
import { startDaemon } from "../../support/daemon.ts";
import { command } from "../support/command.ts";

const dist = (path: string) => join(import.meta.dirname, "../../../packages", path);
const bin = dist("conformance/dist/bin.js");

function start(...args: readonly string[]) {
  return spawn(process.execPath, [bin, ...args], { stdio: ["pipe", "pipe", "pipe"] });
}

let folder: string;
let port: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "branchcache-conformance-"));
  port = String(await freeUdpPort());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One that was free a moment ago. */
async function freeTcpPort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port: found } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  return found;
}

const listening = () => ["--listen", "127.0.0.1:0", "--discovery-port", port];

describe("branchcache-conformance with a client", () => {
  it("runs it for each scene, and finds `branchcache get` conforming", { timeout: 300_000 }, async () => {
    const get = [
      `"${process.execPath}" "${dist("cli/dist/branchcache.js")}" get {url} -o {output} --no-daemon --quiet`,
      `--interface 127.0.0.1 --discovery-port ${port} --discovery-wait 1s --cache-dir "${join(folder, "cache")}"`,
    ].join(" ");
    const only = ["--only", "wrong-bytes"];
    const { output, complaint, code } = await command(
      "retrieval-client",
      ...listening(),
      ...only,
      "--run",
      get,
    );
    expect(complaint).toBe("");
    expect(output).toMatch(/^MUST: 1 passed, 0 failed, 0 inconclusive, 0 skipped$/m);
    expect(code).toBe(0);
  });

  it.each([
    {
      version: "2.0 by HTTP",
      client: {},
      args: [] as string[],
      only: ["offer-message", "serves-what-it-offers"],
    },
    {
      version: "1.0 by TLS",
      client: { offer_version: 1 },
      args: ["--tls-cert", "cert.pem", "--tls-key", "key.pem"],
      only: ["segment-information", "serves-what-it-describes", "unknown-certificate"],
    },
  ])(
    "finds a daemon conforming that offers to the kit as its hosted cache, offers of $version",
    { timeout: 300_000 },
    async ({ args, client, only }) => {
      const [http, https] = [await freeTcpPort(), await freeTcpPort()];
      const pem = { "cert.pem": certificates.server.cert, "key.pem": certificates.server.key };
      for (const [name, content] of Object.entries({ ...pem, "ca.pem": certificates.ca.cert })) {
        await writeFile(join(folder, name), content);
      }
      await using daemon = await startDaemon({
        settings: {
          mode: "hosted-client",
          hosted_client: {
            servers: ["127.0.0.1"],
            http_port: http,
            https_port: https,
            ca: join(folder, "ca.pem"),
            ...client,
          },
          peer: { listen_address: "127.0.0.1", listen_port: 0 },
        },
      });
      const places = args.map((arg) => (arg.startsWith("--") ? arg : join(folder, arg)));
      const tls = args.length > 0 ? ["--tls-listen", `127.0.0.1:${https}`, ...places] : [];
      const get = `"${process.execPath}" "${dist("cli/dist/branchcache.js")}" get {url} -o {output} --quiet --socket "${daemon.socket}"`;
      const { output, complaint, code } = await command(
        ...["hosted-client", "--listen", `127.0.0.1:${http}`, "--discovery-port", port],
        ...[...tls, "--only", ...only, "--run", get],
      );
      expect(complaint).toBe("");
      expect(output).toContain(`MUST: ${only.length} passed, 0 failed, 0 inconclusive, 0 skipped`);
      expect(code).toBe(0);
    },
  );

  it("takes standard output for the content, and tells of a client that knows no BranchCache", async () => {
    const script =
      "fetch(process.argv[1]).then((r) => r.bytes?.() ?? r.arrayBuffer()).then((b) => process.stdout.write(new Uint8Array(b)))";
    const run = `"${process.execPath}" -e "${script}" {url}`;
    const { output, code } = await command(
      "http-client",
      ...listening(),
      "--only",
      "offers-peerdist",
      "--run",
      run,
    );
    expect(output).toMatch(/^FAIL offers-peerdist/m);
    expect(output).toContain("no request with peerdist in Accept-Encoding");
    expect(code).toBe(1);
  });

  it("says what to download, and goes on when Enter is pressed", async () => {
    const child = start("http-client", ...listening(), "--manual", "--only", "plain-content");
    const exit = once(child, "exit");
    const stdout = text(child.stdout);
    let asked = "";
    let answered = 0;
    child.stderr.setEncoding("utf8").on("data", async (part: string) => {
      asked += part;
      const [, url = "", file = ""] = /Download {2}(\S+)\nto {8}(\S+)\n/.exec(asked) ?? [];
      if (!url || !asked.includes("press Enter")) return;
      asked = "";
      answered++;
      const response = await fetch(url, { headers: { "Accept-Encoding": "identity" } });
      await writeFile(file, new Uint8Array(await response.arrayBuffer()));
      child.stdin.write("\n");
    });
    expect(await exit).toEqual([0, null]);
    expect(await stdout).toMatch(/^ok {3}plain-content/m);
    expect(answered).toBe(2);
  });

  it.each([
    ["no address", ["--run", "get {url}"], 2, "--listen is missing"],
    ["no client", ["--listen", "127.0.0.1:0"], 2, "either --run or --manual is needed"],
    ["a command without {url}", ["--listen", "127.0.0.1:0", "--run", "get"], 2, "no {url} in the command"],
    [
      "half of what TLS needs",
      ["--listen", "127.0.0.1:0", "--run", "get {url}", "--tls-listen", "127.0.0.1:0"],
      2,
      "unknown option '--tls-listen'",
    ],
    [
      "an address of nobody's",
      ["--listen", "nowhere", "--run", "get {url}"],
      2,
      "nowhere is no host and port",
    ],
  ] as const)("refuses %s", async (_, args, expected, message) => {
    const { complaint, code } = await command("retrieval-client", ...args);
    expect(complaint).toContain(message);
    expect(code).toBe(expected);
  });

  it("gives up at once on a client that downloads nothing", async () => {
    const run = ["--run", "echo no such thing >&2; false {url}"];
    const { complaint, code } = await command("retrieval-client", ...listening(), ...run);
    expect(complaint).toContain("the download failed: exit status 1: no such thing");
    expect(code).toBe(3);
  });

  it("lists the checks of a profile without a client", async () => {
    const { output, code } = await command("discovery-client", "--list");
    expect(output).toContain("unknown-relates-to");
    expect(code).toBe(0);
  });
});
