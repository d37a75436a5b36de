/** What is installed: the Debian package in a copy of this system, the unit's hardening, completions and man pages. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requirement } from "../support/requires.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const unit = join(root, "packaging/systemd/branchcached.service");
const dpkg = requirement("dpkg-deb");
const lintian = requirement("lintian");
const systemd = requirement("systemd-analyze");
const superuser = requirement("root");

/** In an overlay over this system, so that nothing of it changes; without what commands have left on it. */
const INSTALL = `
set -e
T=$(mktemp -d); mount -t tmpfs tmpfs $T; mkdir $T/u $T/w $T/m
mount -t overlay overlay -o lowerdir=/,upperdir=$T/u,workdir=$T/w $T/m
mount --bind /proc $T/m/proc; mount --bind /dev $T/m/dev
rm -rf $T/m/var/cache/branchcache $T/m/var/lib/branchcache
cp "$1" $T/m/root/p.deb
chroot $T/m dpkg -i /root/p.deb
chroot $T/m ls /usr/bin/branchcache /usr/bin/branchcached /lib/systemd/system/branchcached.service
chroot $T/m branchcache --version
chroot $T/m setpriv --reuid branchcache --regid branchcache --clear-groups \\
  --inh-caps +net_bind_service --ambient-caps +net_bind_service \\
  env RUNTIME_DIRECTORY=/run/branchcache CACHE_DIRECTORY=/var/cache/branchcache STATE_DIRECTORY=/var/lib/branchcache \\
  BRANCHCACHE_METRICS_LISTEN=127.0.0.1:0 BRANCHCACHE_CONFIG=/etc/branchcache/branchcache.json \\
  BRANCHCACHE_PEER_LISTEN_PORT="$2" branchcached 2>$T/log &
while ! grep -q service.started $T/log; do kill -0 $! || { cat $T/log; exit 1; }; sleep 0.1; done
chroot $T/m env -u BRANCHCACHE_CONFIG branchcache enable distributed
chroot $T/m env -u BRANCHCACHE_CONFIG branchcache status --json || true
kill $!
wait $! || true
grep service.stopped $T/log
`;

describe.skipIf(!dpkg.ok)("the Debian package", () => {
  let folder: string;
  let deb: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "branchcache-package-"));
    await run(process.execPath, [join(root, "packaging/package-deb.mjs"), folder], { cwd: root });
    const [name = ""] = await readdir(folder);
    deb = join(folder, name);
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("holds commands, unit, man pages and completions, and depends on Node.js", async () => {
    const { stdout } = await run("dpkg-deb", ["--contents", deb], { maxBuffer: 2 ** 26 });
    for (const path of [
      "./usr/bin/branchcache ->",
      "./usr/bin/branchcached ->",
      "./lib/systemd/system/branchcached.service",
      "./usr/share/man/man1/branchcache.1.gz",
      "./usr/share/man/man5/branchcache.json.5.gz",
      "./usr/share/man/man8/branchcached.8.gz",
      "./usr/share/bash-completion/completions/branchcache",
      "./usr/share/branchcache/grafana-dashboard.json",
      "./etc/branchcache/branchcache.json",
    ]) {
      expect(stdout).toContain(path);
    }
    const { stdout: depends } = await run("dpkg-deb", ["--field", deb, "Depends"]);
    expect(depends.trim()).toBe("nodejs (>= 20.19), libc6, libstdc++6");
  });

  it.skipIf(!lintian.ok)("is nothing that lintian complains of", () => {
    const { status, stdout } = spawnSync(lintian.path, ["--allow-root", "--tag-display-limit", "0", deb], {
      encoding: "utf8",
    });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  it.skipIf(!superuser.ok)(
    "is installed and started as its own user, on a port below 1024",
    async () => {
      const script = join(folder, "install.sh");
      await writeFile(script, INSTALL);
      const { stdout } = await run("unshare", ["-m", "sh", script, deb, "881"], {
        timeout: 240_000,
        maxBuffer: 2 ** 26,
      });
      expect(stdout).toContain("BranchCache is on: distributed.");
      expect(stdout).toContain('"listen_port":881');
      expect(stdout).toContain("service.stopped");
    },
    300_000,
  );
});

describe.skipIf(!systemd.ok)("the unit", () => {
  it("has no setting that systemd does not know", () => {
    const { stderr } = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
    const complaints = stderr
      .split("\n")
      .filter((line) => line !== "" && !/is not executable|Failed to load|man branchcached/.test(line));
    expect(complaints).toEqual([]);
  });

  it("is hardened: an exposure below 2 of 10", () => {
    const { status, stdout } = spawnSync(
      "systemd-analyze",
      ["security", "--offline=true", "--threshold=20", "--no-pager", unit],
      { encoding: "utf8" },
    );
    expect(stdout).toContain("Overall exposure level");
    expect(status, stdout.slice(-400)).toBe(0);
  });
});
