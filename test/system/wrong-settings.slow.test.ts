/** What the commands say when something is wrong: one clear line and the right exit code. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../support/commands.ts";

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly complaint: string;
}

async function end(name: "branchcache" | "branchcached", ...args: readonly string[]): Promise<Ended> {
  const [program, ...rest] = command(name, ...args);
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let complaint = "";
  child.stdout.on("data", (text) => {
    output += text;
  });
  child.stderr.on("data", (text) => {
    complaint += text;
  });
  const [code] = await once(child, "close");
  return { code, output, complaint };
}

describe("the commands", () => {
  let directory: string;
  const servers: Server[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-wrong-"));
    await mkdir(join(directory, "www"));
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await rm(directory, { recursive: true, force: true });
  });

  const listening = async (server: Server): Promise<number> => {
    servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const origin = (listener: RequestListener) => listening(createHttpServer(listener));
  const get = (url: string, ...args: readonly string[]) =>
    end(
      "branchcache",
      ...["get", url, "-o", join(directory, "target"), "--no-daemon", "--mode", "local"],
      ...["--cache-dir", join(directory, "cache"), ...args],
    );

  it("name the port that is in use", async () => {
    const port = await listening(createServer());
    const state = ["--cache-dir", join(directory, "cache")];
    const address = `127.0.0.1:${port}`;
    for (const ended of [
      await end("branchcached", "--listen", address, "--socket", join(directory, "s.sock"), ...state),
      await end(
        "branchcache",
        ...[
          "serve",
          join(directory, "www"),
          "--listen",
          address,
          "--secret-file",
          join(directory, "secret"),
          ...state,
        ],
      ),
    ]) {
      expect(ended.code).toBe(1);
      expect(ended.complaint).toContain(`${address} is taken by another program (BC_LISTEN_PORT_IN_USE)`);
    }
  });

  it.each([
    ["cache.data.path", "BC_CACHE_PATH", (below: string) => ["--cache-dir", below]],
    ["control.socket", "BC_LISTEN_FAILED", (below: string) => ["--socket", join(below, "api.sock")]],
  ] as const)("name %s where its directory cannot be made", async (key, code, wrong) => {
    const file = join(directory, "a file");
    await writeFile(file, "");
    const ended = await end(
      "branchcached",
      ...["--mode", "local", "--socket", join(directory, "own.sock"), "--cache-dir", join(directory, "own")],
      ...["--set", "metrics.listen=127.0.0.1:0"],
      ...wrong(join(file, "below")),
    );
    expect(ended.code).toBe(1);
    expect(ended.complaint).toContain(key);
    expect(ended.complaint).toContain(code);
    expect(ended.complaint).not.toMatch(/^ +at /m);
  });

  it.each([404, 500])("say that the origin answered %i", async (status) => {
    const port = await origin((_request, response) => response.writeHead(status).end("no"));
    const ended = await get(`http://127.0.0.1:${port}/file?token=secret`);
    expect(ended).toMatchObject({ code: 1, output: "" });
    expect(ended.complaint).toContain(String(status));
    expect(ended.complaint).toContain("BC_ORIGIN_STATUS");
    expect(ended.complaint).not.toContain("secret");
  });

  it("say that the origin closes without an answer", async () => {
    const port = await listening(createServer((socket) => socket.destroy()));
    const ended = await get(`http://127.0.0.1:${port}/file`);
    expect(ended.code).toBe(1);
    expect(ended.complaint).toMatch(/BC_ORIGIN_(CLOSED|UNREACHABLE)/);
  });

  it("say that nobody listens at the origin", async () => {
    const server = createServer();
    const port = await listening(server);
    server.close();
    const ended = await get(`http://127.0.0.1:${port}/file`);
    expect(ended.code).toBe(1);
    expect(ended.complaint).toContain("BC_ORIGIN_UNREACHABLE");
  });

  it("leave no file behind when the origin stops in the middle", async () => {
    const port = await origin((_request, response) => {
      response.writeHead(200, { "Content-Length": "1000" });
      response.write("only this", () => response.destroy());
    });
    const ended = await get(`http://127.0.0.1:${port}/file`);
    expect(ended.code).toBe(1);
    expect(ended.complaint).toContain("BC_ORIGIN_CLOSED");
    const { readdir } = await import("node:fs/promises");
    expect((await readdir(directory)).filter((name) => name.includes("target"))).toEqual([]);
  });

  it.each([
    { args: ["get"], complaint: "no URL named" },
    { args: ["get", "http://x/", "--discovery-port", "99999"], complaint: "must be a port" },
    {
      args: ["get", "http://x/y", "--mode", "sideways"],
      complaint: "Allowed choices are local, distributed",
    },
    { args: ["get", "http://x/y", "-H", "nonsense"], complaint: "Not a header" },
    { args: ["serve", "/tmp", "--listen", "here"], complaint: "Not a port or address" },
    { args: ["frobnicate"], complaint: "unknown command 'frobnicate'" },
  ])("refuse $args with exit code 2", async ({ args, complaint }) => {
    const ended = await end("branchcache", ...args);
    expect(ended.code).toBe(2);
    expect(ended.complaint).toContain(complaint);
  });

  it("say that the daemon named is not there, with exit code 3", async () => {
    const ended = await end("branchcache", "get", "http://x/y", "--socket", join(directory, "none.sock"));
    expect(ended.code).toBe(3);
    expect(ended.complaint).toContain("no daemon answers on");
  });

  it("name the byte where a Content Information is broken", async () => {
    const file = join(directory, "broken.ci");
    await writeFile(file, Uint8Array.of(0, 2, 4, 0, 0));
    const ended = await end("branchcache", "info", file);
    expect(ended.code).toBe(1);
    expect(ended.complaint).toMatch(/at byte \d+: .*\(BC_DECODE_TRUNCATED\)/);
  });

  it("say what cannot be served", async () => {
    const ended = await end("branchcache", "serve", join(directory, "nowhere"));
    expect(ended.code).toBe(1);
    expect(ended.complaint).toContain("BC_SERVE_ROOT");
  });

  it.each(["get", "serve", "publish", "info", "demo"])("explain %s", async (name) => {
    const ended = await end("branchcache", name, "--help");
    expect(ended).toMatchObject({ code: 0, complaint: "" });
    expect(ended.output).toContain(`Usage: branchcache ${name}`);
  });
});
