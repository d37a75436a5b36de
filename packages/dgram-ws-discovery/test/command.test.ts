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
const DESCRIBED = [
  ADDRESS,
  "  types   {http://example.org/printing}Printer",
  "  scopes  http://example.org/site",
  "  at      http://192.0.2.10/?[2J",
  "",
].join("\n");
const SHOWN = `${DESCRIBED}  from    192.0.2.10\n`;

let here: Link;
linkForEach((fresh) => {
  here = fresh;
});

let seed = 1;

/** Runs while the clock moves on. */
async function command(...args: string[]) {
  let out = "";
  let err = "";
  let status: number | undefined;
  const stop = new AbortController();
  const running = runCommand(args, {
    network: { clock: here.clock, random: seededRandom(seed++), datagrams: here.lan.host("192.0.2.1/24") },
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    signal: stop.signal,
    version: "1.2.3",
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
    ["for anybody", []],
    ["for a type", ["--type", "{urn:x}Camera"]],
  ])("%s says so and ends with 1 if nobody answers", async (_, args) => {
    const running = await command("probe", "--timeout", "100", ...args);
    expect(await running.finish(100)).toEqual({
      status: 1,
      out: "",
      err: "nobody answered within 100 ms\n",
    });
  });

  it.each([
    ["2005/04", "http://schemas.xmlsoap.org/ws/2006/02/devprof", "wsdp:Device"],
    ["2009/01", "http://docs.oasis-open.org/ws-dd/ns/dpws/2009/01", "dpws:Device"],
  ] as const)(
    "in %s finds those, too, that answer only when asked for devices",
    async (version, uri, shown) => {
      const { discovery } = await here.host("192.0.2.10/24", { versions: [version] });
      const device = { uri, local: "Device" };
      const only = { address: ADDRESS, types: [device], metadataVersion: 1 };
      await discovery.respond({ onProbe: (probe) => (probe.types ? () => only : undefined) });
      const { out } = await (await command("--protocol", version)).finish();
      expect(out).toBe(`${ADDRESS}\n  types   ${shown}\n  from    192.0.2.10\n`);
      const named = await command("--protocol", version, "--type", shown);
      expect((await named.finish()).out).toBe(out);
    },
  );

  it("prints one JSON object a line", async () => {
    await target();
    const { out } = await (await command("--json")).finish();
    expect(JSON.parse(out)).toEqual({ ...service, from: "192.0.2.10" });
  });

  it("tells of an interface that is not there", async () => {
    const { status, err } = await (await command("--interface", "wlan0")).finish(0);
    expect(status).toBe(2);
    expect(err).toBe("interface wlan0: there is no such interface\nno interface to ask on\n");
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
    expect(out).toBe(`added ${DESCRIBED}removed ${DESCRIBED}`);
  });

  it("asks for the addresses of who does not tell them", async () => {
    const running = await command("listen");
    await here.clock.settle();
    const { discovery } = await here.host("192.0.2.10/24");
    const { xAddrs: _, ...silent } = service;
    await startTargetService(discovery, silent, { xAddrsFor: () => ["http://192.0.2.10/here"] });
    expect((await running.finish(4_000)).out).toContain("  at      http://192.0.2.10/here\n");
  });
});

describe("usage", () => {
  it("is shown on demand", async () => {
    expect(await (await command("--help")).finish(0)).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^Usage/),
    });
  });
  it("tells its version", async () => {
    expect(await (await command("--version")).finish(0)).toEqual({ status: 0, out: "1.2.3\n", err: "" });
  });
  it.each([
    [["fly"], "command: one of probe, resolve, listen"],
    [["probe", "x"], "wrong number of arguments"],
    [["resolve"], "wrong number of arguments"],
    [["resolve", "a", "b"], "wrong number of arguments"],
    [["--protocol", "2010"], "--protocol: one of 2005/04, 2009/01"],
    [["--timeout", "0"], "--timeout: 1 to 600000"],
    [["--port", "70000"], "--port: 1 to 65535"],
    [["--type", "a:b"], "--type: a:b is not {NAMESPACE}NAME, and has no prefix that is known"],
    [["--nothing"], "Unknown option"],
  ])("%o is refused: %s", async (args, message) => {
    const { status, out, err } = await (await command(...args)).finish(0);
    expect([status, out]).toEqual([2, ""]);
    expect(err).toContain(message);
    expect(err).toContain("--help");
  });
});
