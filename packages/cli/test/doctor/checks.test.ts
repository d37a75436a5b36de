/** Each check of doctor: what it says when all is well, and the cure when it is not. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { manualClock } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import certificates from "../../../../test/support/certificates.json" with { type: "json" };
import { flagLayer } from "../../src/config/layers.ts";
import { resolveLayers } from "../../src/config/resolve.ts";
import { checkCertificate } from "../../src/doctor/certificate.ts";
import { checkClock } from "../../src/doctor/clock.ts";
import { checkContentServers } from "../../src/doctor/content-servers.ts";
import { type CheckedDaemon, daemonChecks } from "../../src/doctor/daemon-checks.ts";
import { checkMulticast } from "../../src/doctor/multicast.ts";
import { checkNamedServers } from "../../src/doctor/named-servers.ts";
import { checkPorts } from "../../src/doctor/ports.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { PeerBook } from "../../src/telemetry/peer-book.ts";

const settingsOf = (values: Readonly<Record<string, unknown>>) =>
  resolveLayers([
    flagLayer(new Map(Object.entries(values).map(([key, value]) => [key, { flag: "--set", value }]))),
  ]).settings;

const servers: Server[] = [];
const listening = async (server: Server): Promise<number> => {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "branchcache-doctor-"));
});
afterAll(async () => {
  for (const server of servers) server.close();
  await rm(directory, { recursive: true, force: true });
});

describe("what the daemon tells of itself", () => {
  const GIB = 2 ** 30;
  const clock = manualClock();

  const found = async (
    change: (daemon: { metrics: Metrics; peers: PeerBook }) => void,
    more: Partial<CheckedDaemon> = {},
  ) => {
    const metrics = new Metrics();
    const peers = new PeerBook(clock, () => 600_000);
    change({ metrics, peers });
    const data = { active_bytes: 0, max_bytes: GIB, disk_bytes: 0 };
    const daemon: CheckedDaemon = {
      settings: settingsOf({ mode: "distributed", "cache.data.path": tmpdir() }),
      refused: undefined,
      status: async () => ({ cache: { data } }) as unknown as Awaited<ReturnType<CheckedDaemon["status"]>>,
      metrics,
      peers,
      node: { serving: { address: "0.0.0.0", port: 1337 }, hostedCaches: [] },
      neighbourVersions: () => ({ v1: 0, v2: 3 }),
      ...more,
    };
    return daemonChecks(daemon);
  };
  const bad = async (...args: Parameters<typeof found>) =>
    (await found(...args)).filter(({ result, check }) => result === "bad" && check !== "firewall");

  it("is nothing bad when all is well", async () => {
    const findings = await found(() => {});
    expect(await bad(() => {})).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(["mode", "port", "disk", "quorum", "versions"]),
    );
  });

  const rows: readonly (readonly [
    check: string,
    text: string,
    cure: string,
    change: Parameters<typeof found>[0],
    more?: Partial<CheckedDaemon>,
  ])[] = [
    [
      "mode",
      "BranchCache is switched off on this machine",
      "branchcache enable",
      () => {},
      { settings: settingsOf({}) },
    ],
    [
      "settings",
      "the settings are not followed, and those before hold until the daemon ends: peer.x: no; peer.y: no",
      "branchcache config check",
      () => {},
      { refused: "peer.x: no\npeer.y: no" },
    ],
    [
      "offers",
      "what it downloads is not offered",
      "content_info.preferred 1",
      () => {},
      {
        settings: settingsOf({ mode: "auto", "cache.data.path": tmpdir(), "hosted_client.offer_version": 1 }),
      },
    ],
    ["port", "blocks are not served", "branchcache events", () => {}, { node: undefined }],
    [
      "uploads",
      "7 requests of peers were refused",
      "peer.max_uploads 256",
      ({ metrics }) => metrics.count("uploads_rejected_total", 7),
    ],
    [
      "quorum",
      "3 probes were not answered because 10 others had the segment",
      "discovery.republish_quorum 100",
      ({ metrics }) => metrics.count("probe_answers_total", 3, { decision: "quorum" }),
    ],
    [
      "versions",
      "1 probes for 1, 2 for 2",
      "content_info.preferred 1",
      () => {},
      { neighbourVersions: () => ({ v1: 1, v2: 2 }) },
    ],
    [
      "battery",
      "2 probes were not answered because this machine ran on its battery",
      "peer.serve_on_battery true",
      ({ metrics }) => metrics.count("probe_answers_total", 2, { decision: "battery" }),
    ],
    [
      "peers",
      "urn:liar sent bytes that are not what they should be",
      "clear the cache of that machine",
      ({ peers }) => peers.event("warn", "peer.quarantined", { peer: "urn:liar", reason: "lie" }),
    ],
    [
      "hashing",
      "1 contents could not be hashed",
      "branchcache events shows which",
      ({ metrics }) => metrics.count("hash_generations_total", 1, { version: "any", result: "EACCES" }),
    ],
    [
      "proxy",
      "none of 20 requests asked for BranchCache",
      "serve by HTTPS",
      ({ metrics }) => metrics.count("http_requests_total", 20, { peerdist: "false", answer: "content" }),
      {
        settings: settingsOf({
          mode: "distributed",
          "cache.data.path": tmpdir(),
          "content_server.enabled": true,
          "content_server.root": "/srv",
        }),
      },
    ],
  ];
  const named = rows.map(([check, text, cure, change, more = {}]) => ({ check, text, cure, change, more }));
  it("tells which hosted cache does not answer, and that none was found", async () => {
    const settings = settingsOf({
      mode: "hosted-client",
      "cache.data.path": tmpdir(),
      "hosted_client.servers": ["cache.test"],
    });
    const address = { host: "cache.test", port: 80, priority: 0, weight: 0 };
    const node = { serving: undefined, hostedCaches: [{ address, answers: false, queuedOffers: 0 }] };
    expect(await bad(() => {}, { settings, node })).toMatchObject([
      { check: "hosted cache", text: expect.stringContaining("cache.test:80 did not answer lately") },
    ]);
    expect(await bad(() => {}, { settings, node: { ...node, hostedCaches: [] } })).toMatchObject([
      { check: "hosted cache", text: "DNS names no hosted cache" },
    ]);
  });

  it.each(named)("$check: $text", async ({ check, text, cure, change, more }) => {
    expect(await bad(change, more)).toEqual([
      {
        check,
        result: "bad",
        text: expect.stringContaining(text),
        cure: expect.stringContaining(cure),
      },
    ]);
  });

  it("takes a content server without a mode for what it is", async () => {
    const settings = settingsOf({
      "cache.data.path": tmpdir(),
      "content_server.enabled": true,
      "content_server.root": "/srv",
    });
    const findings = await found(() => {}, { settings, node: undefined });
    expect(findings.filter(({ result }) => result !== "good")).toEqual([]);
    expect(findings[0]?.text).toBe("content server alone: mode is disabled");
  });

  it("says what it cannot know of its neighbours yet", async () => {
    const findings = await found(() => {}, { neighbourVersions: () => ({ v1: 0, v2: 0 }) });
    expect(findings).toContainEqual(expect.objectContaining({ check: "versions", result: "unknown" }));
  });
});

describe("ports", () => {
  const check = (port: number, daemonRuns = false) =>
    checkPorts(
      settingsOf({ mode: "hosted-client", "hosted_client.servers": ["h"], "peer.listen_port": port }),
      daemonRuns,
    );

  it("free and taken, with the setting that moves each", async () => {
    const taken = createServer();
    servers.push(taken);
    await new Promise<void>((resolve) => taken.listen(0, resolve));
    const { port } = taken.address() as AddressInfo;
    expect(await check(port)).toEqual([
      {
        check: "port",
        result: "bad",
        text: `TCP ${port} (blocks for the hosted cache) is taken by another program`,
        cure: `ss -ltnp 'sport = :${port}' says which; or branchcache config set peer.listen_port 1337 on every node`,
      },
    ]);
    await new Promise((resolve) => taken.close(resolve));
    expect(await check(port)).toMatchObject([{ result: "good" }]);
    expect(await check(port, true)).toEqual([]);
  });
});

describe("servers that the settings name", () => {
  it("take connections, or it is said why not and which setting names them", async () => {
    const port = await listening(createServer());
    const gone = createServer();
    const closed = await listening(gone);
    await new Promise((resolve) => gone.close(resolve));
    const settings = settingsOf({
      mode: "hosted-client",
      "content_server.enabled": true,
      "hosted_client.servers": [`127.0.0.1:${port}`],
      "content_server.origin": `http://127.0.0.1:${closed}`,
    });
    expect(await checkNamedServers(settings)).toEqual([
      { check: "hosted cache", result: "good", text: `127.0.0.1:${port} takes connections` },
      {
        check: "origin",
        result: "bad",
        text: `127.0.0.1:${closed} refuses connections: nothing listens there`,
        cure: expect.stringContaining("content_server.origin"),
      },
    ]);
    expect(await checkNamedServers(settingsOf({ "hosted_client.servers": ["cache.test"] }))).toEqual([]);
  });
});

describe("multicast", () => {
  it("through an interface that is not there", async () => {
    const settings = settingsOf({ mode: "distributed", "peer.interfaces": ["nowhere0"] });
    expect(await checkMulticast(settings)).toEqual([
      {
        check: "multicast",
        result: "bad",
        text: "there is no interface nowhere0 with an IPv4 address",
        cure: "ip -br address shows what there is; peer.interfaces takes names or addresses",
      },
    ]);
  });

  it.skipIf(networkInterfaces()["lo"] === undefined)("comes back through loopback", async () => {
    const settings = settingsOf({ mode: "distributed", "peer.interfaces": ["127.0.0.1"] });
    expect(await checkMulticast(settings)).toMatchObject([
      { result: "good", text: "datagrams to 239.255.255.250 come back through lo (127.0.0.1)" },
    ]);
  });

  it("is no matter of a node that asks nobody", async () => {
    expect(await checkMulticast(settingsOf({ mode: "local" }))).toEqual([]);
  });
});

describe("the certificate of a hosted cache", () => {
  const { server, client } = certificates;
  const check = async (certText: string, keyText: string, nowMs = Date.UTC(2027, 0, 1)) => {
    const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
    await writeFile(files.cert, certText);
    await writeFile(files.key, keyText);
    const settings = settingsOf({ "hosted_server.cert": files.cert, "hosted_server.key": files.key });
    return checkCertificate(settings, () => nowMs);
  };

  it("that belongs to another key, ends soon or has ended", async () => {
    expect(await check(server.cert, client.key)).toMatchObject([
      { result: "bad", text: expect.stringContaining("is not the key of the certificate") },
    ]);
    expect(await check(server.cert, server.key, Date.UTC(2126, 9, 25))).toMatchObject([
      {
        result: "bad",
        text: "the certificate ends on 2126-11-01",
        cure: expect.stringContaining("renew it"),
      },
    ]);
    expect(await check(server.cert, server.key, Date.UTC(2127, 0, 1))).toMatchObject([
      { result: "bad", text: "the certificate ended on 2126-11-01" },
    ]);
  });

  it("that is right, is none at all, or is no certificate", async () => {
    expect(await check(server.cert, server.key)).toMatchObject([{ result: "good" }]);
    expect(await checkCertificate(settingsOf({}))).toEqual([]);
    expect(await check("nonsense", server.key)).toMatchObject([
      { result: "bad", text: expect.stringContaining("hosted_server.cert: ") },
    ]);
  });
});

describe("the clock", () => {
  it("against that of a server", async () => {
    const at = Date.UTC(2027, 3, 1);
    const server = createHttpServer((_request, response) => {
      response.writeHead(200, { Date: new Date(at).toUTCString() }).end();
    });
    const url = `http://127.0.0.1:${await listening(server)}/`;
    const check = (offMs: number) => checkClock([url], () => at + offMs);
    expect(await check(60_000)).toMatchObject([{ result: "good" }]);
    expect(await check(-600_000)).toMatchObject([
      {
        result: "bad",
        text: "the clock is 10 minutes away from that of the server",
        cure: "timedatectl set-ntp true",
      },
    ]);
  });

  it.each([
    ["yes", "good"],
    ["no", "bad"],
    [undefined, "unknown"],
  ])("as the system says: synchronised %s", async (state, result) => {
    const nowMs = () => Date.UTC(2027, 0, 1);
    expect(await checkClock([], nowMs, async () => state)).toMatchObject([{ check: "clock", result }]);
  });

  it("of a machine that has lost its battery", async () => {
    expect(await checkClock([], () => 0)).toMatchObject([
      { result: "bad", text: "this machine thinks that it is 1970-01-01T00:00:00.000Z" },
    ]);
  });
});

describe("content servers", () => {
  it("that give no Content Information, without what is secret in their URLs", async () => {
    const server = createHttpServer((_request, response) => response.end("plain"));
    const url = `http://127.0.0.1:${await listening(server)}/file?key=secret-word`;
    const [found, ...others] = await checkContentServers([url]);
    expect(found).toMatchObject({
      check: "content server",
      result: "bad",
      cure: expect.stringContaining("Accept-Encoding: peerdist"),
    });
    expect(JSON.stringify(found)).not.toContain("secret-word");
    expect(others).toEqual([]);
  });
});
