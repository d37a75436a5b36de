import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findSetting, settingKeys } from "../../src/config/keys.ts";
import { originText } from "../../src/config/layers.ts";
import { type ConfigSources, resolveConfig } from "../../src/config/resolve.ts";

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "branchcache-config-"));
  file = join(directory, "branchcache.json");
  await mkdir(join(directory, "branchcache.d"));
});
afterEach(() => rm(directory, { recursive: true }));

const write = (name: string, content: unknown) =>
  writeFile(join(directory, name), typeof content === "string" ? content : JSON.stringify(content));
const resolve = (sources: ConfigSources = {}) => resolveConfig({ configFile: file, env: {}, ...sources });
const originOf = async (key: string, sources?: ConfigSources) => {
  const { written } = await resolve(sources);
  const found = written.get(key);
  return found && [found.value, originText(found.origin)];
};

describe("precedence", () => {
  const key = "peer.listen_port";

  it("PCCRR-9 is default, file, drop-ins by name, environment, flag", async () => {
    await write("branchcache.json", {});
    expect(await originOf(key)).toEqual([80, "default"]);
    await write("branchcache.json", { peer: { listen_port: 1 } });
    expect(await originOf(key)).toEqual([1, file]);
    await write("branchcache.d/20-b.json", { peer: { listen_port: 3 } });
    await write("branchcache.d/10-a.json", { peer: { listen_port: 2 } });
    await write("branchcache.d/README", "no settings");
    expect(await originOf(key)).toEqual([3, join(directory, "branchcache.d/20-b.json")]);
    const env = { BRANCHCACHE_PEER_LISTEN_PORT: "4" };
    expect(await originOf(key, { env })).toEqual([4, "environment BRANCHCACHE_PEER_LISTEN_PORT"]);
    const flags = new Map([[key, { flag: "--listen", value: 5 }]]);
    expect(await originOf(key, { env, flags })).toEqual([5, "flag --listen"]);
  });

  it("goes setting by setting", async () => {
    await write("branchcache.json", { peer: { listen_port: 1337, max_peers: 4 }, mode: "local" });
    await write("branchcache.d/a.json", { peer: { max_peers: 8 } });
    const { settings } = await resolve();
    expect(settings).toMatchObject({ mode: "local", peer: { listen_port: 1337, max_peers: 8 } });
  });
});

describe("values", () => {
  it("are read into milliseconds, bytes and addresses", async () => {
    await write("branchcache.json", {
      $schema: "./branchcache.schema.json",
      cache: { max_age: "60d", data: { max_bytes: "20GiB" }, hash: { max_bytes: 4096 } },
      metrics: { listen: "[::1]:9798" },
    });
    const { settings } = await resolve();
    expect(settings.cache.max_age).toBe(60 * 86_400_000);
    expect(settings.cache.data.max_bytes).toBe(20 * 2 ** 30);
    expect(settings.cache.hash.max_bytes).toBe(4096);
    expect(settings.metrics.listen).toEqual({ host: "::1", port: 9798 });
    expect(settings.discovery).toMatchObject({ wait: 300, backoff: 65, negative_ttl: 15_000 });
  });

  it.each([
    ["BRANCHCACHE_PEER_SERVE_ON_BATTERY", "true", "peer.serve_on_battery", true],
    ["BRANCHCACHE_PEER_INTERFACES", "eth0, eth1", "peer.interfaces", ["eth0", "eth1"]],
    ["BRANCHCACHE_PEER_INTERFACES", "", "peer.interfaces", []],
    ["BRANCHCACHE_HOSTED_CLIENT_OFFER_STEPS", "50,100", "hosted_client.offer_steps", [50, 100]],
    ["BRANCHCACHE_CONTENT_SERVER_VERSIONS", "[2]", "content_server.versions", [2]],
    ["BRANCHCACHE_LOG_LEVEL", "debug", "log.level", "debug"],
    [
      "BRANCHCACHE_CACHE_EXTENSIONS",
      '[{"path":"/b","max_percent":9}]',
      "cache.extensions",
      [{ path: "/b", max_percent: 9 }],
    ],
  ])("come typed from %s=%s", async (variable, text, key, value) => {
    await write("branchcache.json", {});
    expect(await originOf(key, { env: { [variable]: text } })).toEqual([value, `environment ${variable}`]);
  });
});

describe("what is not accepted", () => {
  const complaint = async (tree: unknown, sources?: ConfigSources) => {
    await write("branchcache.json", tree);
    return resolve(sources).then(
      () => "accepted",
      (error) => {
        expect(error.code).toBe("BC_CONFIG");
        return error.message as string;
      },
    );
  };

  it.each([
    [
      { peer: { listen_prt: 1 } },
      "peer.listen_prt: there is no such setting; did you mean peer.listen_port?",
    ],
    [{ max_age: "1d" }, "max_age: there is no such setting; did you mean cache.max_age?"],
    [{ zzz: 1 }, "zzz: there is no such setting (from"],
    [{ peer: 3 }, "peer: is a section and must be an object"],
    [{ mode: "on" }, "mode: must be one of disabled, local, distributed"],
    [{ peer: { listen_port: "80" } }, "peer.listen_port: must be a port from 0 to 65535"],
    [{ peer: { listen_port: 65_536 } }, "peer.listen_port: must be a port"],
    [{ peer: { serve_on_battery: "yes" } }, "peer.serve_on_battery: must be true or false"],
    [{ peer: { interfaces: ["eth0", 3] } }, "peer.interfaces[1]: "],
    [{ discovery: { wait: 300 } }, "discovery.wait: must be a time such as 300ms"],
    [{ discovery: { wait: "2h" } }, "discovery.wait: must be a time from 0 ms to 60000 ms"],
    [{ cache: { data: { path: "relative" } } }, "cache.data.path: must be an absolute path"],
    [{ cache: { data: { max_percent: 0 } } }, "cache.data.max_percent: must be a percentage above 0"],
    [{ cache: { data: { max_bytes: "many" } } }, "cache.data.max_bytes: must be a size such as"],
    [{ cache: { extensions: [{ path: "/x", size: 3 }] } }, "cache.extensions[0]: "],
    [
      { cache: { data: { path: "/c" }, extensions: [{ path: "/c/" }] } },
      "cache.extensions: cache.data.path itself",
    ],
    [{ cache: { store: "redis", extensions: [{ path: "/x" }] } }, "cache.extensions: add room on a disk"],
    [{ cache: { store: "redis" } }, "cache.redis.nodes: name a node"],
    [{ content_info: { preferred: 3 } }, "content_info.preferred: must be 1 or 2"],
    [{ hosted_server: { cert: "/c.pem" } }, "hosted_server.cert: a certificate needs its key"],
    [
      { hosted_server: { client_auth: "negotiate" } },
      "negotiate needs an implementation of Kerberos or NTLM",
    ],
    [
      { mode: "hosted-server", hosted_server: { client_auth: "tls" } },
      "hosted_server.client_ca: name the certificates that vouch for clients",
    ],
    [
      { mode: "hosted-server", hosted_server: { client_auth: "addresses" } },
      "hosted_server.offer_from: name ranges",
    ],
    [{ content_server: { enabled: true } }, "content_server.enabled: needs either content_server.root"],
    [{ content_server: { origin: "ftp://x" } }, "content_server.origin: must be an http or https URL"],
    [{ mode: "hosted-client" }, "hosted_client.servers: name a hosted cache"],
    [{ metrics: { listen: "localhost" } }, "metrics.listen: must be a port or address"],
    ["[]", "must hold one JSON object"],
    ["{", "is no JSON: "],
    ['{\n  "mode": "local",\n}', "(line 3 column 1)"],
    ['{"__proto__": {"mode": "local"}}', "__proto__: there is no such setting"],
  ])("%j", async (tree, message) => {
    const found = await complaint(tree);
    expect(found).toContain(message);
    // Where to mend it; what settings ask of each other is in no single place.
    if (typeof tree !== "string") expect(found.length).toBeGreaterThan(20);
  });

  it("is told all at once, each with where it was set", async () => {
    const env = { BRANCHCACHE_LOG_LEVEL: "loud" };
    const found = await complaint({ mode: "on", peer: { max_peers: 0 } }, { env });
    expect(found.split("\n")).toEqual([
      expect.stringMatching(/^mode: .* \(from .*branchcache\.json\)$/),
      expect.stringMatching(/^peer\.max_peers: .* \(from .*branchcache\.json\)$/),
      expect.stringMatching(/^log\.level: .* \(from environment BRANCHCACHE_LOG_LEVEL\)$/),
    ]);
  });

  it("comes from the command line where it was typed, and from the file where it stands there", async () => {
    const edit = { tree: { peer: { workers: "none", max_peers: 0 } }, keys: new Set(["peer.workers"]) };
    const found = await complaint({}, { edit });
    expect(found.split("\n").sort()).toEqual([
      expect.stringMatching(/^peer\.max_peers: .* \(from .*branchcache\.json\)$/),
      "peer.workers: must be a whole number (from the command line)",
    ]);
  });

  it("is a file that was named and is not there", async () => {
    await expect(resolve({ configFile: join(directory, "no.json") })).rejects.toMatchObject({
      code: "BC_CONFIG",
      message: expect.stringContaining("no.json"),
    });
  });
});

describe("the settings", () => {
  it("have a help, and a default that their own rule accepts", () => {
    expect(settingKeys.length).toBeGreaterThan(60);
    for (const { key, help, fallback, schema } of settingKeys) {
      expect(help, key).toMatch(/^\S.*[^.]$/s);
      const given = typeof fallback === "function" ? fallback() : fallback;
      expect(schema.safeParse(given).success, key).toBe(true);
    }
  });

  it("have names that their variables give back", () => {
    const variables = settingKeys.map(({ variable }) => variable);
    expect(new Set(variables).size).toBe(variables.length);
    expect(findSetting("hosted_client.offer_steps")?.variable).toBe("BRANCHCACHE_HOSTED_CLIENT_OFFER_STEPS");
  });
});
