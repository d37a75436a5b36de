/** What the commands say when something is wrong: one clear line and the right exit code. */

import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../support/commands.mjs";
import { requirement } from "../support/requires.ts";
import { type Ended, runCommand as run } from "../support/run-command.ts";
import { slowSample } from "../support/slow.ts";
import {
  ownPlaces,
  tree,
  WITHOUT_RIGHTS,
  WRONG_SETTINGS,
  type WrongSetting,
} from "../support/wrong-settings.ts";

const root = requirement("root");

describe("a daemon that cannot start", () => {
  let directory: string;
  const taken = createServer();
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-start-"));
    taken.listen(0, "127.0.0.1");
    await once(taken, "listening");
  });
  afterAll(async () => {
    taken.close();
    await rm(directory, { recursive: true, force: true });
  });

  let rows = 0;
  const configured = async ({ make }: WrongSetting): Promise<string> => {
    const own = join(directory, String(rows++));
    await mkdir(own);
    const settings = await make({ directory: own, takenPort: (taken.address() as AddressInfo).port });
    const file = join(own, "branchcache.json");
    await writeFile(file, JSON.stringify(tree({ ...ownPlaces(own), ...settings })));
    return file;
  };
  const start = async (row: WrongSetting, on: readonly string[]): Promise<Ended> =>
    run([
      ...on,
      ...command("branchcached", "--config", await configured(row), "--log-format", "text", "--stop-at-eof"),
    ]);
  const check = async (row: WrongSetting, on: readonly string[]): Promise<Ended> =>
    run([...on, ...command("branchcache", "config", "check", await configured(row))]);
  /** One line for people, and no way through our code. */
  const expectComplaint = ({ complaint }: Ended, { key, code, cure }: WrongSetting): void => {
    const lines = complaint.split("\n").filter((line) => line.startsWith("branchcached: "));
    expect(lines, complaint).toEqual([expect.stringMatching(`^branchcached: ${key}: .*\\(${code}\\)$`)]);
    expect(lines[0]).toContain(cure);
    expect(complaint).not.toMatch(/^ +at /m);
  };
  const rowOf = (table: readonly WrongSetting[], wanted: string): WrongSetting => {
    const row = table.find(({ key }) => key === wanted);
    if (!row) throw new Error(`no row for ${wanted}`);
    return row;
  };

  it.each(slowSample(WRONG_SETTINGS, 8))("for $key that $wrong says so, with the cure", async (row) => {
    const started = await start(row, []);
    expectComplaint(started, row);
    expect(started.code).toBe(row.code === "BC_CONFIG" ? 2 : 1);
  });

  // Each of them, in one process: `start-problems.test.ts`.
  it("is found by config check before", async () => {
    const row = rowOf(WRONG_SETTINGS, "hosted_server.key");
    const checked = await check(row, []);
    expect(checked).toMatchObject({ code: 1, output: "" });
    expect(checked.complaint).toContain(row.cure);
    expect(checked.complaint).toContain("the daemon would not start here (BC_START)");
    const settingsOnly = command("branchcache", "config", "check", await configured(row), "--settings-only");
    expect(await run(settingsOnly)).toMatchObject({ code: 0, complaint: "" });
  });

  describe.skipIf(!root.ok)("for want of rights", () => {
    // Root without what makes root more than others; what whoever runs this may read stays so.
    const weak = [
      "setpriv",
      ...["--bounding-set", "--inh-caps"].flatMap((set) => [
        set,
        "-dac_override,-dac_read_search,-net_bind_service",
      ]),
      "--",
    ];

    it.each(slowSample(WITHOUT_RIGHTS, 5))("at $key that $wrong says so, with the cure", async (row) => {
      const started = await start(row, weak);
      expectComplaint(started, row);
      expect(started.code).toBe(1);
    });

    it("is left open by config check, since the daemon may be another user", async () => {
      const row = rowOf(WITHOUT_RIGHTS, "hosted_server.key");
      const checked = await check(row, weak);
      expect(checked).toMatchObject({ code: 0, complaint: "" });
      expect(checked.output).toContain("warning: a daemon of this user would say: hosted_server.key: ");
      expect(checked.output).toContain(row.cure);
    });
  });
});

describe("the commands", () => {
  const end = (name: "branchcache" | "branchcached", ...args: readonly string[]) =>
    run(command(name, ...args));
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
      expect(ended.complaint).toMatch(
        new RegExp(`: ${address} is taken by another program: .*\\(BC_LISTEN_PORT_IN_USE\\)`),
      );
    }
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
