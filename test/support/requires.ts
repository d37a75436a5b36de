/**
 * What a test needs beyond Node.js. Where it is absent the test is skipped and the reason printed;
 * with `BRANCHCACHE_REQUIRE_ALL=1` the test file fails instead.
 *
 * @example
 * const nginx = requirement("nginx");
 * describe.skipIf(!nginx.ok)("behind nginx", () => { spawn(nginx.path, [...]); });
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./find-program.mjs";

export type RequirementName =
  | "chromium"
  | "curl"
  | "dpkg-deb"
  | "haproxy"
  | "ip netns"
  | "lintian"
  | "nft"
  | "nginx"
  | "node 20.19"
  | "node 24"
  | "openssl"
  | "redis-server"
  | "root"
  | "systemd-analyze"
  | "tcpdump"
  | "tmpfs"
  | "tshark"
  | "wget"
  | "wsdd"
  | "wsdd2"
  | "xmllint";

export interface Requirement {
  readonly ok: boolean;
  /** Why not; empty when met. */
  readonly reason: string;
  /** The program found; empty where the requirement is no program. */
  readonly path: string;
}

const met = (path = ""): Requirement => ({ ok: true, reason: "", path });
const unmet = (reason: string): Requirement => ({ ok: false, reason, path: "" });

function program(...names: readonly string[]): Requirement {
  const path = findProgram(...names);
  return path === undefined ? unmet(`${names.join(" or ")} is not installed`) : met(path);
}

function root(): Requirement {
  return process.getuid?.() === 0 ? met() : unmet("not run as root");
}

/** Tried, not guessed: containers often give root without the right to make namespaces. */
function networkNamespaces(): Requirement {
  const rights = root();
  const ip = program("ip");
  if (!rights.ok || !ip.ok) return rights.ok ? ip : rights;
  const name = `requires-${process.pid}-${randomBytes(3).toString("hex")}`;
  const added = spawnSync(ip.path, ["netns", "add", name], { encoding: "utf8" });
  if (added.status !== 0) return unmet(`ip netns add: ${added.stderr.trim()}`);
  const link = spawnSync(ip.path, ["-n", name, "link", "add", "va", "type", "veth", "peer", "name", "vb"], {
    encoding: "utf8",
  });
  spawnSync(ip.path, ["netns", "delete", name]);
  return link.status === 0 ? met(ip.path) : unmet(`ip link add type veth: ${link.stderr.trim()}`);
}

/** That Node.js, from its package, which holds the program itself and runs no script. Kept for later runs. */
function nodeOf(release: string): Requirement {
  if (process.version.startsWith(`v${release}.`)) return met(process.execPath);
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(import.meta.dirname, "../../node_modules/.cache/node", release);
  const path = join(folder, "node_modules", name, "bin/node");
  const runs = () => spawnSync(path, ["--version"], { encoding: "utf8" }).stdout?.startsWith(`v${release}.`);
  if (runs()) return met(path);
  const options = ["--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--prefix", folder];
  const installed = spawnSync("npm", ["install", ...options, `${name}@${release}`], {
    encoding: "utf8",
    timeout: 90_000,
  });
  if (runs()) return met(path);
  rmSync(folder, { recursive: true, force: true });
  const complaint = installed.error?.message ?? installed.stderr.trim().split("\n").at(0);
  return unmet(`npm install ${name}@${release}: ${complaint}`);
}

function mounting(): Requirement {
  const folder = mkdtempSync(join(tmpdir(), "requires-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], { encoding: "utf8" });
  if (mounted.status === 0) spawnSync("umount", [folder]);
  rmdirSync(folder);
  return mounted.status === 0 ? met() : unmet(mounted.error?.message ?? mounted.stderr.trim());
}

const probes: Readonly<Record<RequirementName, () => Requirement>> = {
  chromium: () => program("chromium", "chromium-browser", "google-chrome"),
  curl: () => program("curl"),
  "dpkg-deb": () => program("dpkg-deb"),
  haproxy: () => program("haproxy"),
  "ip netns": networkNamespaces,
  lintian: () => program("lintian"),
  nft: () => program("nft"),
  nginx: () => program("nginx"),
  "node 20.19": () => nodeOf("20.19"),
  "node 24": () => nodeOf("24"),
  openssl: () => program("openssl"),
  "redis-server": () => program("redis-server"),
  root,
  "systemd-analyze": () => program("systemd-analyze"),
  tcpdump: () => program("tcpdump"),
  tmpfs: mounting,
  tshark: () => program("tshark"),
  wget: () => program("wget"),
  wsdd: () => program("wsdd"),
  wsdd2: () => program("wsdd2"),
  xmllint: () => program("xmllint"),
};

const found = new Map<RequirementName, Requirement>();

/** Looks once for each test file. Throws where everything is required and this is absent. */
export function requirement(name: RequirementName): Requirement {
  let result = found.get(name);
  if (result === undefined) {
    result = probes[name]();
    found.set(name, result);
    if (!result.ok && process.env["BRANCHCACHE_REQUIRE_ALL"] === "1") {
      throw new Error(`required here: ${name}: ${result.reason}`);
    }
    if (!result.ok) console.warn(`skipped, needs ${name}: ${result.reason}`);
  }
  return result;
}
