/**
 * Settings that are right as such, and that a daemon cannot start with on this machine: what is wrong, and what it says;
 * and why there is none such of the others.
 */
import { createPrivateKey } from "node:crypto";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import certificates from "./certificates.json" with { type: "json" };

export interface Place {
  /** Of this row alone. */
  readonly directory: string;
  /** On 127.0.0.1, and taken. */
  readonly takenPort: number;
}

export interface WrongSetting {
  readonly key: string;
  readonly wrong: string;
  /** Settings by key, apart from those that every daemon of a test has. */
  readonly make: (place: Place) => Promise<Readonly<Record<string, unknown>>>;
  readonly code: string;
  /** What the message says to do. */
  readonly cure: string;
  /** Only the start itself shows it. */
  readonly onlyAtStart?: true;
}

const PUBLIC = 0o644;
const put = async (directory: string, name: string, text: string, mode = 0o600): Promise<string> => {
  const path = join(directory, name);
  await writeFile(path, text, { mode });
  return path;
};
/** Below a file nothing can be made, whatever one's rights. */
const belowFile = async (directory: string): Promise<string> =>
  join(await put(directory, "file", ""), "below");
const taken =
  (key: string, more: Readonly<Record<string, unknown>>, value = (port: number): unknown => port) =>
  async ({ takenPort }: Place) => ({ ...more, [key]: value(takenPort) });
const address = (port: number) => `127.0.0.1:${port}`;
const SOMEWHERE = { "peer.listen_address": "127.0.0.1", "peer.listen_port": 0 };
const HOSTED = {
  mode: "hosted-server",
  "peer.listen_address": "127.0.0.1",
  "hosted_server.http_port": 0,
  "hosted_server.https_port": 0,
};
const LOCAL = { mode: "local" };
const LISTEN = { code: "BC_LISTEN_PORT_IN_USE", cure: "name another port" };
/** Set aside for documentation: no machine has it. */
const NOBODY = "192.0.2.1";

/** A certificate and a key, of which one is wrong. */
const pair =
  (section: "hosted_client" | "hosted_server", cert: string | undefined, key: string | undefined) =>
  async ({ directory }: Place) => ({
    ...(section === "hosted_server" ? HOSTED : LOCAL),
    [`${section}.cert`]:
      cert === undefined ? join(directory, "none.pem") : await put(directory, "cert.pem", cert),
    [`${section}.key`]:
      key === undefined ? join(directory, "none.key") : await put(directory, "key.pem", key),
  });
const { client, server } = certificates;
const encrypted = createPrivateKey(server.key)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "sesame" })
  .toString();
const tls = (key: string, wrong: string, make: WrongSetting["make"], cure: string): WrongSetting => ({
  key,
  wrong,
  make,
  code: "BC_TLS_CERTIFICATE",
  cure,
});

export const WRONG_SETTINGS: readonly WrongSetting[] = [
  {
    key: "cache.data.path",
    wrong: "cannot be made",
    make: async ({ directory }) => ({ ...LOCAL, "cache.data.path": await belowFile(directory) }),
    code: "BC_CACHE_PATH",
    cure: "name another",
  },
  {
    key: "cache.data.path",
    wrong: "is a file",
    make: async ({ directory }) => ({ ...LOCAL, "cache.data.path": await put(directory, "file", "") }),
    code: "BC_CACHE_PATH",
    cure: "name another",
  },
  {
    key: "cache.data.secrets_path",
    wrong: "cannot be made",
    make: async ({ directory }) => ({ ...LOCAL, "cache.data.secrets_path": await belowFile(directory) }),
    code: "BC_CACHE_PATH",
    cure: "name another",
  },
  {
    key: "cache.redis.password_file",
    wrong: "is not there",
    make: async ({ directory }) => ({
      ...LOCAL,
      "cache.store": "redis",
      "cache.redis.nodes": ["127.0.0.1:1"],
      "cache.redis.password_file": join(directory, "password"),
    }),
    code: "BC_PASSWORD_FILE",
    cure: "name the file with the cluster's password",
  },
  {
    key: "cache.redis.nodes",
    wrong: "has nobody who answers",
    make: async () => ({ ...LOCAL, "cache.store": "redis", "cache.redis.nodes": ["127.0.0.1:1"] }),
    code: "BC_STORE_UNREACHABLE",
    cure: "see that one of them runs",
    onlyAtStart: true,
  },
  {
    key: "content_server.secret_file",
    wrong: "is empty",
    make: async ({ directory }) => ({
      ...LOCAL,
      "content_server.secret_file": await put(directory, "secret", ""),
    }),
    code: "BC_SECRET_FILE",
    cure: "branchcache key set",
  },
  {
    key: "content_server.secret_file",
    wrong: "can be read by everybody",
    make: async ({ directory }) => ({
      ...LOCAL,
      "content_server.secret_file": await put(directory, "secret", "what nobody knows", PUBLIC),
    }),
    code: "BC_SECRET_FILE",
    cure: "chmod 600",
  },
  {
    key: "content_server.secret_file",
    wrong: "is a directory",
    make: async ({ directory }) => {
      const path = join(directory, "secret");
      await mkdir(path, { mode: 0o700 });
      return { ...LOCAL, "content_server.secret_file": path };
    },
    code: "BC_SECRET_FILE",
    cure: "must be a file",
  },
  {
    key: "content_server.secret_file",
    wrong: "cannot be made",
    make: async ({ directory }) => ({ ...LOCAL, "content_server.secret_file": await belowFile(directory) }),
    code: "BC_SECRET_PLACE",
    cure: "name another file",
  },
  {
    key: "content_server.root",
    wrong: "is not there",
    make: async ({ directory }) => ({
      "content_server.enabled": true,
      "content_server.listen": "127.0.0.1:0",
      "content_server.root": join(directory, "none"),
    }),
    code: "BC_SERVE_ROOT",
    cure: "name a directory",
  },
  {
    key: "content_server.listen",
    wrong: "is taken",
    make: async ({ directory, takenPort }) => ({
      "content_server.enabled": true,
      "content_server.root": directory,
      "content_server.listen": address(takenPort),
    }),
    ...LISTEN,
  },
  { key: "metrics.listen", wrong: "is taken", make: taken("metrics.listen", {}, address), ...LISTEN },
  {
    key: "metrics.listen",
    wrong: "is no address of this machine",
    make: async () => ({ "metrics.listen": `${NOBODY}:0` }),
    code: "BC_LISTEN_FAILED",
    cure: "no address of this machine",
  },
  {
    key: "peer.listen_port",
    wrong: "is taken",
    make: taken("peer.listen_port", { mode: "distributed", "peer.listen_address": "127.0.0.1" }),
    ...LISTEN,
  },
  {
    key: "peer.listen_port",
    wrong: "is taken, and several processes want it",
    make: taken("peer.listen_port", {
      mode: "distributed",
      "peer.listen_address": "127.0.0.1",
      "peer.workers": 2,
    }),
    ...LISTEN,
  },
  {
    key: "peer.listen_address",
    wrong: "is no address of this machine",
    make: async () => ({ mode: "distributed", "peer.listen_address": NOBODY, "peer.listen_port": 0 }),
    code: "BC_LISTEN_FAILED",
    cure: "no address of this machine",
  },
  {
    key: "hosted_server.http_port",
    wrong: "is taken",
    make: taken("hosted_server.http_port", HOSTED),
    ...LISTEN,
  },
  {
    key: "hosted_server.https_port",
    wrong: "is taken",
    make: taken("hosted_server.https_port", HOSTED),
    ...LISTEN,
  },
  tls(
    "hosted_server.cert",
    "is not there",
    pair("hosted_server", undefined, server.key),
    "name a file in PEM",
  ),
  tls("hosted_server.cert", "is none", pair("hosted_server", "nonsense", server.key), "openssl x509"),
  tls(
    "hosted_server.key",
    "is not there",
    pair("hosted_server", server.cert, undefined),
    "name a file in PEM",
  ),
  tls(
    "hosted_server.key",
    "is none",
    pair("hosted_server", server.cert, "nonsense"),
    "name the file that has it",
  ),
  tls("hosted_server.key", "has a passphrase", pair("hosted_server", server.cert, encrypted), "openssl pkey"),
  tls(
    "hosted_server.key",
    "is of another certificate",
    pair("hosted_server", server.cert, client.key),
    "name the key that the certificate was made for",
  ),
  tls(
    "hosted_server.client_ca",
    "is none",
    async ({ directory }) => ({
      ...HOSTED,
      "hosted_server.client_auth": "tls",
      "hosted_server.client_ca": await put(directory, "ca.pem", "nonsense"),
    }),
    "openssl x509",
  ),
  {
    key: "hosted_server.ciphers",
    wrong: "are none that OpenSSL knows",
    make: async () => ({ ...HOSTED, "hosted_server.ciphers": "ROT13" }),
    code: "BC_TLS_CIPHERS",
    cure: "openssl ciphers",
  },
  tls(
    "hosted_client.ca",
    "is not there",
    async ({ directory }) => ({ ...LOCAL, "hosted_client.ca": join(directory, "none.pem") }),
    "name a file in PEM",
  ),
  tls("hosted_client.cert", "is none", pair("hosted_client", "nonsense", client.key), "openssl x509"),
  tls(
    "hosted_client.key",
    "is of another certificate",
    pair("hosted_client", client.cert, server.key),
    "name the key that the certificate was made for",
  ),
  {
    key: "control.socket",
    wrong: "cannot be made",
    make: async ({ directory }) => ({ "control.socket": join(await belowFile(directory), "c.sock") }),
    code: "BC_LISTEN_FAILED",
    cure: "name a place that can be written to",
  },
  {
    key: "control.socket",
    wrong: "has a path that is too long",
    make: async ({ directory }) => ({ "control.socket": join(directory, `${"long".repeat(30)}.sock`) }),
    code: "BC_LISTEN_FAILED",
    cure: "name a shorter one",
  },
  {
    key: "api.socket",
    wrong: "is a file",
    make: async ({ directory }) => ({
      ...LOCAL,
      "control.socket": join(directory, "c.sock"),
      "api.socket": await put(directory, "api.sock", "kept"),
    }),
    code: "BC_LISTEN_FAILED",
    cure: "name",
  },
  {
    key: "api.socket",
    wrong: "cannot be made",
    make: async ({ directory }) => ({
      ...LOCAL,
      "control.socket": join(directory, "c.sock"),
      "api.socket": join(await belowFile(directory), "api.sock"),
    }),
    code: "BC_LISTEN_FAILED",
    cure: "name a place that can be written to",
  },
  {
    key: "control.group",
    wrong: "is none",
    make: async () => ({ "control.group": "no-such-group-here" }),
    code: "BC_CONFIG",
    cure: "groupadd",
  },
];

/** For who is no root, and has nothing but what everybody may. */
export const WITHOUT_RIGHTS: readonly WrongSetting[] = [
  ...(["peer.listen_port", "hosted_server.http_port", "hosted_server.https_port"] as const).map((key) => ({
    key,
    wrong: "is below 1024",
    make: async () => ({ ...HOSTED, mode: key.startsWith("peer") ? "distributed" : HOSTED.mode, [key]: 81 }),
    code: "BC_LISTEN_NO_PERMISSION",
    cure: "CAP_NET_BIND_SERVICE",
  })),
  {
    key: "content_server.listen",
    wrong: "is below 1024",
    make: async ({ directory }) => ({
      "content_server.enabled": true,
      "content_server.root": directory,
      "content_server.listen": "127.0.0.1:81",
    }),
    code: "BC_LISTEN_NO_PERMISSION",
    cure: "CAP_NET_BIND_SERVICE",
  },
  {
    key: "metrics.listen",
    wrong: "is below 1024",
    make: async () => ({ "metrics.listen": "127.0.0.1:81" }),
    code: "BC_LISTEN_NO_PERMISSION",
    cure: "CAP_NET_BIND_SERVICE",
  },
  {
    key: "cache.data.path",
    wrong: "may not be written to",
    make: async ({ directory }) => ({ ...LOCAL, "cache.data.path": await closed(directory, 0o555) }),
    code: "BC_CACHE_PATH",
    cure: "let the user write there that the daemon runs as",
  },
  {
    key: "cache.data.secrets_path",
    wrong: "may not be written to",
    make: async ({ directory }) => ({ ...LOCAL, "cache.data.secrets_path": await closed(directory, 0o555) }),
    code: "BC_CACHE_PATH",
    cure: "let the user write there that the daemon runs as",
  },
  {
    key: "control.socket",
    wrong: "lies where nothing may be made",
    make: async ({ directory }) => ({ "control.socket": join(await closed(directory, 0o555), "c.sock") }),
    code: "BC_LISTEN_FAILED",
    cure: "name a place that can be written to",
  },
  {
    key: "api.socket",
    wrong: "lies where nothing may be made",
    make: async ({ directory }) => ({
      ...LOCAL,
      "control.socket": join(directory, "c.sock"),
      "api.socket": join(await closed(directory, 0o555), "api.sock"),
    }),
    code: "BC_LISTEN_FAILED",
    cure: "name a place that can be written to",
  },
  {
    key: "content_server.root",
    wrong: "may not be read",
    make: async ({ directory }) => ({
      "content_server.enabled": true,
      "content_server.listen": "127.0.0.1:0",
      "content_server.root": await closed(directory, 0),
    }),
    code: "BC_SERVE_ROOT",
    cure: "name a directory",
  },
  {
    key: "content_server.secret_file",
    wrong: "may not be read",
    make: async ({ directory }) => ({
      ...LOCAL,
      "content_server.secret_file": await put(directory, "secret", "what nobody knows", 0),
    }),
    code: "BC_SECRET_FILE",
    cure: "must be a file that the daemon's user may read",
  },
  tls(
    "hosted_server.key",
    "may not be read",
    async ({ directory }) => ({
      ...HOSTED,
      "hosted_server.cert": await put(directory, "cert.pem", server.cert),
      "hosted_server.key": await put(directory, "key.pem", server.key, 0),
    }),
    "let the user read it that the daemon runs as",
  ),
  {
    key: "cache.redis.password_file",
    wrong: "may not be read",
    make: async ({ directory }) => ({
      ...LOCAL,
      "cache.store": "redis",
      "cache.redis.nodes": ["127.0.0.1:1"],
      "cache.redis.password_file": await put(directory, "password", "open", 0),
    }),
    code: "BC_PASSWORD_FILE",
    cure: "let the daemon's user read it",
  },
];

/** Why a daemon starts with any value that its type allows; with the settings of which that is so. */
export const NEVER_WRONG: readonly (readonly [reason: string, keys: string])[] = [
  [
    "a choice, or a number within limits",
    "mode peer.serve_on_battery peer.max_uploads peer.request_timeout peer.max_timeouts peer.max_peers " +
      "peer.quarantine peer.workers discovery.wait discovery.backoff discovery.max_per_second " +
      "discovery.republish_quorum discovery.negative_ttl discovery.address_ttl cache.store cache.data.max_percent " +
      "cache.data.max_bytes cache.hash.max_percent cache.hash.max_bytes cache.redis.deadline cache.max_age " +
      "content_info.preferred content_server.enabled content_server.versions content_server.min_size " +
      "client.read_timeout hosted_client.discover hosted_client.also_peers hosted_client.offer_version " +
      "hosted_client.http_port hosted_client.https_port hosted_client.offer_steps hosted_server.https " +
      "hosted_server.client_auth hosted_server.open_http hosted_server.min_tls hosted_server.allow_own_addresses " +
      "hosted_server.max_uploads api.stop_timeout metrics.enabled log.level log.format",
  ],
  ["checked as text", "hosted_server.offer_from hosted_server.balancers metrics.allowed_hosts"],
  [
    "named by what the cluster says, with cache.redis.nodes or cache.redis.password_file",
    "cache.redis.username cache.redis.tls cache.redis.prefix",
  ],
  ["one that cannot be opened is left out, with cache.path_unusable", "cache.extensions"],
  ["where it cannot be opened there are no peers, with an event that says so", "discovery.port"],
  ["one that is not there may come; doctor tells", "peer.interfaces"],
  ["one that does not answer is left alone for a while; doctor tells", "hosted_client.servers"],
  ["one that does not answer is asked again for each request", "content_server.origin"],
];

async function closed(directory: string, mode: number): Promise<string> {
  const path = join(directory, "closed");
  await mkdir(path, { mode: 0o700 });
  await chmod(path, mode);
  return path;
}

/** What every daemon of a test has: places of its own. */
export function ownPlaces(directory: string): Readonly<Record<string, unknown>> {
  return {
    "api.socket": join(directory, "own.sock"),
    "cache.data.path": join(directory, "own-cache"),
    "content_server.secret_file": join(directory, "own-state", "secret"),
    "metrics.listen": "127.0.0.1:0",
    ...SOMEWHERE,
  };
}

/** A tree as in a configuration file. */
export function tree(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settings)) {
    const names = key.split(".");
    const last = names.pop() ?? key;
    let at = root;
    for (const name of names) {
      at[name] ??= {};
      at = at[name] as Record<string, unknown>;
    }
    at[last] = value;
  }
  return root;
}
