/** What an administrator does with a daemon, as it is typed. */
import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { freeUdpPort } from "@branchcache/cli/testing";
import { FrameReader, FrameWriter } from "@branchcache/peer-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../support/commands.mjs";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { runCommand } from "../support/run-command.ts";

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon({
    settings: {
      peer: { listen_address: "127.0.0.1", listen_port: 0, interfaces: ["127.0.0.1"] },
      discovery: { port: await freeUdpPort() },
    },
  });
});
afterAll(() => daemon[Symbol.asyncDispose]());

const json = async (...args: readonly string[]) => JSON.parse((await daemon.run(...args, "--json")).output);

describe("a daemon and its administrator", () => {
  it("is off at first, says so with exit code 4, and is switched on without a restart", async () => {
    const before = await daemon.run("status");
    expect(before.output).toContain("OFF, disabled");
    expect(before.code).toBe(4);
    const { pid } = (await json("status")).service;
    expect(await daemon.run("enable", "distributed")).toMatchObject({ code: 0, complaint: "" });
    const after = await json("status");
    expect(after).toMatchObject({
      enabled: true,
      service: { pid },
      client: { mode: "distributed" },
      network: { retrieval: { serving: true, listen_address: "127.0.0.1" } },
    });
    expect(JSON.parse((await daemon.run("status", "--windows-names")).output)).toMatchObject({
      BranchCacheIsEnabled: true,
      ClientConfiguration: { CurrentClientMode: 2 },
      DataCache: { CacheFileDirectoryPath: join(daemon.directory, "cache") },
    });
  });

  it("shares what it downloads, and tells what did not cross the WAN, without what is secret in URLs", async () => {
    const root = join(daemon.directory, "www");
    await mkdir(root);
    const content = new Uint8Array(700_000).map((_, i) => (i * 2_654_435_761) >>> 11);
    await writeFile(join(root, "setup.bin"), content);
    expect(await daemon.run("publish", join(root, "setup.bin"), "--quiet")).toMatchObject({ code: 0 });
    for (const [key, value] of [
      ["root", root],
      ["listen", "127.0.0.1:0"],
      ["enabled", "true"],
    ] as const) {
      expect(await daemon.run("config", "set", `content_server.${key}`, value)).toMatchObject({ code: 0 });
    }
    const { url } = await json("status", "content-server");
    for (const name of ["one", "two"]) {
      const target = join(daemon.directory, name);
      const ended = await daemon.run("get", `${url}setup.bin?key=secret-word`, "-o", target, "--quiet");
      expect(ended).toMatchObject({ code: 0, complaint: "" });
      expect(Buffer.compare(await readFile(target), content)).toBe(0);
    }
    const stats = await json("stats");
    expect(stats.all).toMatchObject({
      wan_saved_bytes: 700_000,
      bytes: { local: 700_000, peer: 0, hosted: 0, origin: 700_000 },
    });
    expect((await daemon.run("stats")).output).toContain("684 KiB did not cross the WAN today");
    const page = await (await fetch(daemon.url)).text();
    expect(page).toContain("setup.bin");
    for (const text of [page, (await daemon.run("events")).output]) expect(text).not.toContain("secret-word");
  });

  it("follows settings, and keeps the old ones when the new cannot be", async () => {
    const { listen_port: port } = (await json("status")).network.retrieval;
    await writeFile(daemon.configFile, '{"mode": "distributed", "discovery": {"wait": "long"}}');
    const ended = await daemon.run("enable", "local");
    expect(ended.code).toBe(2);
    expect(ended.complaint).toContain("discovery.wait: must be a time");
    expect((await json("status")).network.retrieval).toMatchObject({ serving: true, listen_port: port });
    await writeFile(daemon.configFile, "{}");
    expect(await daemon.run("enable", "local")).toMatchObject({ code: 0 });
    expect((await json("status")).network.retrieval).toMatchObject({ serving: false });
  });

  it("serves on what it served, and says that it will not start again, when it cannot serve what it is told to", async () => {
    const absent = join(daemon.directory, "absent");
    const served = { root: join(daemon.directory, "www"), listen: "127.0.0.1:0", enabled: true };
    await writeFile(daemon.configFile, JSON.stringify({ content_server: served }));
    expect(await daemon.run("enable", "local")).toMatchObject({ code: 0 });
    const refused = await daemon.run("config", "set", "content_server.root", absent);
    expect(refused.code).toBe(1);
    expect(refused.complaint).toContain(`content_server.root: cannot serve ${absent}`);
    expect(refused.complaint).toContain(`${daemon.configFile} is written all the same`);
    // What was served before is served still, and whoever looks is told that it will not be after a restart.
    const { url } = await json("status", "content-server");
    expect((await (await fetch(`${url}setup.bin`)).arrayBuffer()).byteLength).toBe(700_000);
    const after = await daemon.run("status");
    expect(after.code).toBe(4);
    expect(after.output).toContain("! the settings are not followed");
    await writeFile(daemon.configFile, "{}");
    expect(await daemon.run("enable", "local")).toMatchObject({ code: 0 });
    expect((await daemon.run("status")).output).not.toContain("not followed");
  });

  it("serves metrics and health under no foreign name", async () => {
    const metrics = await fetch(`${daemon.url}metrics`);
    const text = await metrics.text();
    expect(metrics.headers.get("content-type")).toContain("text/plain");
    expect(text).toContain('branchcache_retrieval_bytes_total{source="local",app="http"} 700000');
    for (const op of ["read", "write"]) {
      expect(text).toMatch(new RegExp(`branchcache_cache_access_seconds_count\\{op="${op}"\\} [1-9]`));
    }
    expect(text).toContain("branchcache_peers 0\n");
    expect(text).toMatch(/branchcache_build_info\{version="[^"]+",mode="local"\} 1/);
    expect(await (await fetch(`${daemon.url}healthz`)).json()).toEqual({ status: "ok", enabled: true });
    const { port } = new URL(daemon.url);
    const answers: Record<string, number> = {};
    for (const host of [
      `127.0.0.1:${port}`,
      "localhost",
      "[::1]",
      "evil.example",
      "127.0.0.1.evil.example",
      "",
    ]) {
      answers[host] = await statusUnder(Number(port), host);
    }
    expect(answers).toEqual({
      [`127.0.0.1:${port}`]: 200,
      localhost: 200,
      "[::1]": 200,
      "evil.example": 421,
      "127.0.0.1.evil.example": 421,
      "": 421,
    });
  });

  it("lets nobody but root and its own user change anything", async () => {
    const control = join(daemon.directory, "control.sock");
    const token = join(daemon.directory, "control.token");
    expect((await stat(control)).mode & 0o777).toBe(0o600);
    expect((await stat(token)).mode & 0o777).toBe(0o600);
    const secret = await readFile(token, "utf8");
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    // As a member of the group: through the socket, and without the token.
    for (const [given, rights] of [
      [undefined, "read"],
      ["0".repeat(64), "read"],
      [secret, "full"],
    ] as const) {
      const answers = await converse(control, [
        { op: "hello", protocol: 1, ...(given === undefined ? {} : { token: given }) },
        { op: "request", id: 1, method: "status" },
        { op: "request", id: 2, method: "reset", params: { metrics: false } },
        { op: "request", id: 3, method: "secret-changed" },
        { op: "request", id: 4, method: "reload" },
        { op: "request", id: 5, method: "__proto__" },
        { op: "request", id: 6, method: "cache-usage" },
        { op: "request", id: 7, method: "cache-remove-all", params: { tag: "none" } },
      ]);
      expect(answers[0]).toMatchObject({ op: "hello", rights });
      const by = (id: number) => answers.find((answer) => answer["id"] === id);
      expect(by(1)).toMatchObject({ op: "answer" });
      expect(by(6)).toMatchObject({ op: "answer" });
      for (const id of [2, 3, 4, 7]) {
        expect(by(id)).toMatchObject(
          rights === "full" ? { op: "answer" } : { op: "error", code: "BC_DENIED" },
        );
      }
      expect(by(5)).toMatchObject({ op: "error", code: "BC_CONTROL_METHOD" });
    }
    expect(JSON.stringify(await json("status"))).not.toContain(secret);
  });

  it("keeps the secret a secret, and carries it under a passphrase", async () => {
    const phrase = join(daemon.directory, "phrase");
    const file = join(daemon.directory, "key");
    const key = (...args: readonly string[]) =>
      daemon.run("key", ...args, "--secret-file", join(daemon.directory, "state", "secret"));
    await writeFile(phrase, "correct horse\n");
    expect(await key("set", "--passphrase-file", phrase)).toMatchObject({ code: 2 });
    const set = await key("set", "--passphrase-file", phrase, "--force");
    const print = (await key("fingerprint")).output.trim();
    expect(print).toMatch(/^[0-9a-f]{4}(-[0-9a-f]{4}){3}$/);
    expect(set.output).toContain(print);
    expect(await key("export", file, "--passphrase-file", phrase)).toMatchObject({ code: 0 });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, "utf8")).not.toContain("horse");
    expect(await key("set", "--force")).toMatchObject({ code: 0 });
    expect((await key("fingerprint")).output.trim()).not.toBe(print);
    await writeFile(phrase, "wrong horse\n");
    expect(await key("import", file, "--passphrase-file", phrase, "--force")).toMatchObject({ code: 1 });
    await writeFile(phrase, "correct horse\n");
    expect(await key("import", file, "--passphrase-file", phrase, "--force")).toMatchObject({ code: 0 });
    expect((await key("fingerprint")).output.trim()).toBe(print);
    await chmod(join(daemon.directory, "state", "secret"), 0o644);
    expect((await key("fingerprint")).complaint).toContain("can be read by others");
    await chmod(join(daemon.directory, "state", "secret"), 0o600);
  });

  it("tells what it has no use for, each with its exit code", async () => {
    expect(await daemon.run("enable", "local")).toMatchObject({ code: 0 });
    const rows: readonly (readonly [readonly string[], number, string])[] = [
      [["probe", "ab".repeat(32)], 1, "BC_NOBODY"],
      [["probe", "no-such-file"], 1, "no-such-file"],
      [["reset"], 2, "nobody to ask, use --force"],
      [["enable", "sideways"], 2, "unknown command 'sideways'"],
      [["enable", "hosted-client"], 2, "hosted_client.servers: name a hosted cache"],
      [["status", "weather"], 2, "Allowed choices are"],
      [["config", "set", "peer.workers", "none"], 2, "peer.workers: must be a whole number"],
      [["status", "--control-socket", join(daemon.directory, "none.sock")], 3, "BC_DAEMON_UNREACHABLE"],
    ];
    for (const [args, code, complaint] of rows) {
      const ended = await daemon.run(...args);
      expect(ended.code, args.join(" ")).toBe(code);
      expect(ended.complaint, args.join(" ")).toContain(complaint);
    }
  });

  it("finds what keeps it from saving anything", async () => {
    await daemon.run("disable");
    const findings = await json("doctor");
    expect(findings).toContainEqual(
      expect.objectContaining({
        check: "mode",
        result: "bad",
        cure: expect.stringContaining("branchcache enable"),
      }),
    );
    expect((await daemon.run("doctor")).code).toBe(4);
    expect((await daemon.run("status")).code).toBe(4);
  });

  it("goes back to the defaults", async () => {
    expect(await daemon.run("reset", "--force")).toMatchObject({ code: 0 });
    expect(await readFile(daemon.configFile, "utf8")).toBe("{}\n");
    expect((await json("stats")).all.wan_saved_bytes).toBe(0);
    expect((await json("status")).cache.data.active_bytes).toBe(0);
  });

  it("is told that another daemon has its place", async () => {
    const second = await runCommand(command("branchcached", "--config", daemon.configFile));
    expect(second.code).toBe(1);
    expect(second.complaint).toContain("BC_CONTROL_IN_USE");
  });
});

function statusUnder(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, "127.0.0.1", () => {
      socket.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])));
  });
}

/** Says all of it, and gives as many answers. */
function converse(
  path: string,
  messages: readonly Readonly<Record<string, unknown>>[],
): Promise<readonly Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    const writer = new FrameWriter<unknown>(socket);
    const answers: Record<string, unknown>[] = [];
    const frames = new FrameReader((message) => answers.push(message as Record<string, unknown>));
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      frames.push(chunk);
      if (answers.length < messages.length) return;
      socket.destroy();
      resolve(answers);
    });
    for (const message of messages) void writer.write(message);
  });
}
