// @ts-check
/**
 * Builds the Debian package: `pnpm package:deb [FOLDER]`. It holds the two commands with all that they import, man
 * pages, completions, and what systemd wants; Node.js comes from the system.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = fileURLToPath(new URL("..", import.meta.url));
const target = resolve(process.argv[2] ?? join(root, "dist-packages"));
const { version } = JSON.parse(readFileSync(join(root, "packages/cli/package.json"), "utf8"));
const architecture = execFileSync("dpkg", ["--print-architecture"], { encoding: "utf8" }).trim();
const name = `branchcache_${version}-1_${architecture}.deb`;
const scratch = mkdtempSync(join(tmpdir(), "branchcache-deb-"));
const tree = join(scratch, "tree");

/** @param {string} path @param {string | Uint8Array} content */
function write(path, content, mode = 0o644) {
  const whole = join(tree, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  chmodSync(whole, mode);
}

/** Only what runs: no sources, tests, maps or notes of dependencies; their licences stay. @param {string} folder */
function prune(folder) {
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry);
    const found = lstatSync(path);
    if (found.isSymbolicLink()) {
      if (!existsSync(path)) rmSync(path);
    } else if (found.isDirectory()) {
      if (/^(?:test|tests|__tests__|\.github|\.bin|bench|benchmarks)$/.test(entry))
        rmSync(path, { recursive: true });
      else prune(path);
    } else if (/\.(?:map|d\.ts|d\.mts|d\.cts|tsbuildinfo|tsx?|md|markdown|flow|c|cc|cpp|h|gyp)$/i.test(entry))
      rmSync(path);
    else chmodSync(path, /\/dist\/branchcached?\.js$/.test(path) ? 0o755 : 0o644);
  }
}

/** @param {string} folder @returns {number} KiB */
function sizeOf(folder) {
  return Number(execFileSync("du", ["-sk", folder], { encoding: "utf8" }).split("\t")[0]);
}

try {
  execFileSync(
    "npx",
    [
      "pnpm",
      "--filter",
      "@branchcache/cli",
      "deploy",
      "--prod",
      "--legacy",
      "--config.node-linker=hoisted",
      join(tree, "usr/lib/branchcache"),
    ],
    { cwd: root, stdio: ["ignore", "ignore", "inherit"] },
  );
  const lib = join(tree, "usr/lib/branchcache");
  prune(lib);
  rmSync(join(lib, "src"), { recursive: true, force: true });
  // The dashboard's own files are served as they lie beside the sources.
  cpSync(join(root, "packages/cli/src/web/assets"), join(lib, "src/web/assets"), { recursive: true });
  mkdirSync(join(tree, "usr/bin"), { recursive: true });
  for (const command of ["branchcache", "branchcached"]) {
    symlinkSync(`../lib/branchcache/dist/${command}.js`, join(tree, "usr/bin", command));
  }

  execFileSync(process.execPath, [join(root, "packaging/build-manual.mjs"), join(tree, "usr/share")], {
    env: { ...process.env, BRANCHCACHE_CONFIG: "" },
  });
  for (const chapter of ["1", "5", "8"]) {
    const folder = join(tree, `usr/share/man/man${chapter}`);
    for (const page of readdirSync(folder)) {
      writeFileSync(join(folder, `${page}.gz`), gzipSync(readFileSync(join(folder, page)), { level: 9 }));
      rmSync(join(folder, page));
    }
  }
  const systemd = join(root, "packaging/systemd");
  write("lib/systemd/system/branchcached.service", readFileSync(join(systemd, "branchcached.service")));
  write("usr/lib/sysusers.d/branchcache.conf", readFileSync(join(systemd, "branchcache.sysusers")));
  write("usr/lib/tmpfiles.d/branchcache.conf", readFileSync(join(systemd, "branchcache.tmpfiles")));
  write("etc/branchcache/branchcache.json", "{}\n");
  mkdirSync(join(tree, "etc/branchcache/branchcache.d"), { recursive: true });
  write("usr/share/doc/branchcache/copyright", readFileSync(join(root, "packaging/debian/copyright")));
  write(
    "usr/share/branchcache/grafana-dashboard.json",
    readFileSync(join(root, "packaging/grafana-dashboard.json")),
  );
  const log = `branchcache (${version}-1) unstable; urgency=medium\n\n  * This version.\n\n -- The BranchCache authors <branchcache@localhost>  Thu, 01 Jan 2026 00:00:00 +0000\n`;
  write("usr/share/doc/branchcache/changelog.Debian.gz", gzipSync(log, { level: 9 }));

  write(
    "DEBIAN/control",
    `Package: branchcache
Version: ${version}-1
Architecture: ${architecture}
Maintainer: The BranchCache authors <branchcache@localhost>
Section: net
Priority: optional
Depends: nodejs (>= 20.19)
Recommends: systemd
Installed-Size: ${sizeOf(tree)}
Description: BranchCache peer, hosted cache and content server
 The machines of an office fetch content from each other rather than across
 the WAN, with the protocols of Windows: Windows, iPXE and Linux clients share
 one cache. The daemon is switched off until "branchcache enable".
`,
  );
  write("DEBIAN/conffiles", "/etc/branchcache/branchcache.json\n");
  for (const script of ["postinst", "prerm", "postrm"]) {
    write(`DEBIAN/${script}`, readFileSync(join(root, "packaging/debian", script)), 0o755);
  }
  mkdirSync(target, { recursive: true });
  execFileSync("chmod", ["-R", "go=rX,u=rwX", tree]);
  for (const script of ["postinst", "prerm", "postrm"]) chmodSync(join(tree, "DEBIAN", script), 0o755);
  execFileSync("dpkg-deb", ["--root-owner-group", "--build", "-Zxz", tree, join(target, name)], {
    stdio: "ignore",
  });
  console.log(join(target, name));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
