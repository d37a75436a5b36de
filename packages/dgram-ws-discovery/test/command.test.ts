import { seededRandom } from "@branchcache/runtime/testing";
import { describe, expect, it } from "vitest";
import { startTargetService, VERSIONS } from "../src/index.ts";
import { runCommand } from "../src/node/command.ts";
import { ADDRESS, type Link, linkForEach, PRINTER } from "./support.ts";

const service = {
  address: ADDRESS,
  types: [PRINTER],
  scopes: ["http://example.org/site"],
  // A control character that XML can carry and a terminal obeys.
  xAddrs: ["http://192.0.2.10/\u009b[2J"],
  metadataVersion: 1,
};
const SHOWN = [
  ADDRESS,
  "  types   {http://example.org/printing}Printer",
  "  scopes  http://example.org/site",
  "  at      http://192.0.2.10/?[2J",
  "",
].join("\n");

let here: Link;
linkForEach((fresh) => {
  here = fresh;
});

/** Runs while the clock moves on. */
async function command(...args: string[]) {
  let out = "";
  let err = "";
  let status: number | undefined;
  const stop = new AbortController();
  const running = runCommand(args, {
    network: { clock: here.clock, random: seededRandom(1), datagrams: here.lan.host("192.0.2.1/24") },
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    signal: stop.signal,
  }).then((code) => {
    status = code;
  });
  return {
    async finish(ms = 3_000) {
      await here.clock.advance(ms);
      stop.abort();
      await running;
      return { status, out, err };
    },
  };
}

async function target() {
  const { discovery } = await here.host("192.0.2.10/24");
  return startTargetService(discovery, service);
}

describe("probe", () => {
  it.each([
    ["without options", []],
    ["for its type", ["probe", "--type", "{http://example.org/printing}Printer"]],
    ["for its scope", ["probe", "--scope", "http://example.org"]],
    ["by a rule", ["probe", "--scope", "http://example.org/site", "--match-by", "strcmp0"]],
    [
      "by a rule's URI",
      ["--scope", "http://example.org/site", "--match-by", `${VERSIONS["2005/04"].discovery}/strcmp0`],
    ],
  ])("%s finds the service, shown once and without control characters", async (_, args) => {
    await target();
    const running = await command(...args);
    expect(await running.finish()).toEqual({ status: 0, out: SHOWN, err: "" });
  });

  it.each([
    [
      "for anybody",
      [],
      "nobody answered within 100 ms; some answer only when asked for their type, see --help\n",
    ],
    ["for a type", ["--type", "{urn:x}Camera"], "nobody answered within 100 ms\n"],
  ])("%s says so and ends with 1 if nobody answers", async (_, args, err) => {
    const running = await command("probe", "--timeout", "100", ...args);
    expect(await running.finish(100)).toEqual({ status: 1, out: "", err });
  });

  it("prints one JSON object a line", async () => {
    await target();
    const { out } = await (await command("--json")).finish();
    expect(JSON.parse(out)).toEqual(service);
  });

  it("tells of an interface that is not there", async () => {
    const { status, err } = await (await command("--interface", "wlan0")).finish();
    expect(status).toBe(1);
    expect(err).toMatch(/^interface wlan0: there is no such interface\n/);
  });
});

describe("resolve", () => {
  it("finds the endpoint", async () => {
    await target();
    expect(await (await command("resolve", ADDRESS)).finish()).toEqual({ status: 0, out: SHOWN, err: "" });
  });
  it("says so and ends with 1 if it is not there", async () => {
    expect(await (await command("resolve", ADDRESS)).finish()).toEqual({
      status: 1,
      out: "",
      err: "nobody answered within 2000 ms\n",
    });
  });
});

describe("listen", () => {
  it("shows who comes and goes, until it is stopped", async () => {
    const running = await command("listen");
    await here.clock.settle();
    const started = await target();
    await here.clock.advance(2_000);
    const stopped = started.stop();
    await here.clock.advance(2_000);
    await stopped;
    const { status, out } = await running.finish(0);
    expect(status).toBe(0);
    expect(out).toBe(`added ${SHOWN}removed ${SHOWN}`);
  });
});

describe("usage", () => {
  it("is shown on demand", async () => {
    expect(await (await command("--help")).finish(0)).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^Usage/),
    });
  });
  it.each([
    [["fly"], "command: one of probe, resolve, listen"],
    [["probe", "x"], "wrong number of arguments"],
    [["resolve"], "wrong number of arguments"],
    [["resolve", "a", "b"], "wrong number of arguments"],
    [["--protocol", "2010"], "--protocol: one of 2005/04, 2009/01"],
    [["--timeout", "0"], "--timeout: 1 to 600000"],
    [["--port", "70000"], "--port: 1 to 65535"],
    [["--type", "a:b"], "--type: a:b is not {NAMESPACE}NAME"],
    [["--nothing"], "Unknown option"],
  ])("%o is refused: %s", async (args, message) => {
    const { status, out, err } = await (await command(...args)).finish(0);
    expect([status, out]).toEqual([2, ""]);
    expect(err).toContain(message);
    expect(err).toContain("Usage:");
  });
});
