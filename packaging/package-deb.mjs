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
/** Whoever builds it says who he is, as with Debian's own tools. */
const maintainer = process.env["DEBEMAIL"] ?? "The BranchCache authors <branchcache@localhost>";
const scratch = mkdtempSync(join(tmpdir(), "branchcache-deb-"));
const tree = join(scratch, "tree");

/** @param {string} path @param {string | Uint8Array} content */
function write(path, content, mode = 0o644) {
  const whole = join(tree, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  chmodSync(whole, mode);
}

/** What runs, and what it is licensed under; no sources, tests, maps, pages or notes of dependencies. */
const KEPT = /\.(?:js|mjs|cjs|json|node|css|svg|wasm)$|^(?:licen[cs]e|copying|notice)/i;
/** Native parts for another C library. */
const FOREIGN = /\.musl\.node$/;
const UNUSED_FOLDERS = /^(?:test|tests|__tests__|bench|benchmark|benchmarks|\..*)$/;

/** @param {string} folder */
function prune(folder) {
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry);
    const found = lstatSync(path);
    if (found.isSymbolicLink()) {
      if (!existsSync(path)) rmSync(path);
    } else if (found.isDirectory()) {
      if (UNUSED_FOLDERS.test(entry)) rmSync(path, { recursive: true });
      else prune(path);
      if (existsSync(path) && readdirSync(path).length === 0) rmSync(path, { recursive: true });
    } else if (entry.startsWith(".") || !KEPT.test(entry) || FOREIGN.test(entry)) rmSync(path);
    else own(path);
  }
}

/** A file of this package alone, where pnpm had linked it to its store. @param {string} path */
function own(path) {
  const content = readFileSync(path);
  rmSync(path);
  writeFileSync(path, content);
  chmodSync(path, content.subarray(0, 2).toString("latin1") === "#!" ? 0o755 : 0o644);
  if (path.endsWith(".node")) {
    // Without symbols where the tool is there, which most who build packages have.
    try {
      execFileSync("strip", ["--strip-unneeded", path], { stdio: "ignore" });
    } catch {
      // As it came.
    }
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
  const guides = join(root, "docs/guides");
  for (const name of readdirSync(guides)) {
    const text = readFileSync(join(guides, name), "utf8");
    // What lies outside of the guides is not in the package: its name stays, the link would lead nowhere.
    write(`usr/share/doc/branchcache/guides/${name}`, text.replace(/\[([^\]]+)\]\(\.\.\/[^)]*\)/g, "$1"));
  }
  write("usr/share/doc/branchcache/copyright", readFileSync(join(root, "packaging/debian/copyright")));
  write(
    "usr/share/branchcache/grafana-dashboard.json",
    readFileSync(join(root, "packaging/grafana-dashboard.json")),
  );
  const log = `branchcache (${version}-1) unstable; urgency=medium\n\n  * This version.\n\n -- ${maintainer}  Thu, 01 Jan 2026 00:00:00 +0000\n`;
  write("usr/share/doc/branchcache/changelog.Debian.gz", gzipSync(log, { level: 9 }));

  write(
    "DEBIAN/control",
    `Package: branchcache
Version: ${version}-1
Architecture: ${architecture}
Maintainer: ${maintainer}
Section: net
Priority: optional
Depends: nodejs (>= 20.19), libc6, libstdc++6
Recommends: systemd
Installed-Size: ${sizeOf(tree)}
Description: peer, hosted cache and content server of BranchCache
 The machines of an office fetch content from each other rather than across
 the WAN, with the protocols of Windows: Windows, iPXE and Linux clients share
 one cache. The daemon is switched off until "branchcache enable".
`,
  );
  write(
    "usr/share/lintian/overrides/branchcache",
    readFileSync(join(root, "packaging/debian/lintian-overrides")),
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
