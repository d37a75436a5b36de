/** `branchcache config` as it is typed. */
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../../../../test/support/commands.mjs";
import { runCommand } from "../../../../test/support/run-command.ts";

let directory: string;
let file: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "branchcache-config-"));
  file = join(directory, "branchcache.json");
});
afterAll(() => rm(directory, { recursive: true }));

const config = (...args: readonly string[]) =>
  runCommand(command("branchcache", "--config", file, "config", ...args));

describe("branchcache config", () => {
  it("sets, gets, shows, and unsets, and keeps the file's mode", async () => {
    await writeFile(file, '{"log": {"level": "debug"}}');
    await chmod(file, 0o640);
    expect(await config("set", "peer.listen_port", "1337")).toMatchObject({ code: 0, complaint: "" });
    expect(await config("set", "cache.max_age", "60d")).toMatchObject({ code: 0 });
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({
      log: { level: "debug" },
      peer: { listen_port: 1337 },
      cache: { max_age: "60d" },
    });
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect(await config("get", "peer.listen_port")).toMatchObject({ output: "1337\n" });
    expect(JSON.parse((await config("show", "cache.max_age", "--json", "--origin")).output)).toEqual({
      "cache.max_age": { value: "60d", origin: file },
    });
    expect((await config("show", "--as-commands")).output.split("\n")).toEqual([
      "branchcache config set \\",
      "  peer.listen_port 1337 \\",
      "  cache.max_age 60d \\",
      "  log.level debug",
      "",
    ]);
    expect(await config("unset", "cache.max_age")).toMatchObject({ code: 0 });
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({
      log: { level: "debug" },
      peer: { listen_port: 1337 },
    });
  });

  it("sets together what is not accepted apart, and again from its own script", async () => {
    await writeFile(file, "{}");
    const pair = ["hosted_server.cert", "/c.pem", "hosted_server.key", "/c.key"];
    expect(await config("set", ...pair.slice(0, 2))).toMatchObject({ code: 2 });
    expect((await config("set", ...pair.slice(0, 3))).complaint).toContain(
      "hosted_server.key: its value is missing",
    );
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({});
    expect(await config("set", ...pair)).toMatchObject({ code: 0, complaint: "" });
    const written = await readFile(file, "utf8");
    const script = (await config("show", "--as-commands")).output;
    await writeFile(file, "{}");
    const again = script.replaceAll("\\\n", "").trim().split(/\s+/).slice(2);
    expect(await config(...again)).toMatchObject({ code: 0 });
    expect(await readFile(file, "utf8")).toBe(written);
  });

  it("writes nothing that would not be accepted", async () => {
    await writeFile(file, "{}");
    for (const args of [
      ["set", "peer.listen_port", "high"],
      ["set", "hosted_server.cert", "/c.pem"],
      ["set", "peer.listen", "80"],
    ]) {
      expect((await config(...args)).code).toBe(2);
    }
    expect(await config("set", "peer.listen_port", "high")).toMatchObject({
      complaint:
        "branchcache: peer.listen_port: must be a port from 0 to 65535 (from the command line) (BC_CONFIG)\n",
    });
    expect(await readFile(file, "utf8")).toBe("{}");
  });

  it("checks a file", async () => {
    await writeFile(file, '{"mode": "on"}');
    const ended = await config("check", "--json");
    expect(ended.code).toBe(2);
    expect(JSON.parse(ended.output)).toMatchObject({
      accepted: false,
      errors: [expect.stringContaining("mode: ")],
    });
    await writeFile(file, '{"mode": "local"}');
    expect(await config("check")).toMatchObject({ code: 0, output: `${file}: accepted\n` });
  });

  it("prints the schema that is published", async () => {
    const published = await readFile(join(import.meta.dirname, "../../docs/branchcache.schema.json"), "utf8");
    expect(JSON.parse((await config("schema")).output)).toEqual(JSON.parse(published));
  });
});
