/** Two machines, each with a daemon that serves every user of it. */
import { chmod, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { type BackgroundProcess, startProcess } from "@branchcache/cli/testing";
import { commandOn } from "./commands.mjs";
import { openOffice } from "./office.ts";
import type { Seat } from "./report-play.ts";

export interface ReportOffice extends AsyncDisposable {
  address(host: "head" | "branch"): string;
  /** A program of this user. He may read all files, so that tests run from anywhere; what he makes is his. */
  seat(host: "head" | "branch", uid: number, program: string): Seat;
}

/** Needs root and `ip`. */
export async function openReportOffice(
  directory: string,
  { cacheSize = "256MiB", discoveryWait = "3s" } = {},
): Promise<ReportOffice> {
  const office = await openOffice(["head", "branch"]);
  const running: BackgroundProcess[] = [];
  const dispose = async () => {
    for (const process of running) await process.stop();
    await office[Symbol.asyncDispose]();
  };
  try {
    const home = await mkdtemp(join(directory, "office-"));
    await chmod(home, 0o755);
    const socketOf = (host: string) => join(home, `${host}.sock`);
    for (const host of ["head", "branch"]) {
      const daemon = await startProcess(
        commandOn(
          office.on(host),
          "branchcached",
          ...["--listen", "1337", "--socket", socketOf(host), "--cache-dir", join(home, host)],
          ...["--cache-size", cacheSize, "--secret-file", join(home, `${host}.secret`)],
          // Longer than the default: a test machine may be busy with other tests.
          ...["--log-format", "json", "--discovery-wait", discoveryWait],
        ),
      );
      running.push(daemon);
      await daemon.event("service.started");
    }
    return {
      address: (host) => office.address(host),
      seat(host, uid, program) {
        const user = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
        const rights = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
        const prefix = uid === 0 ? office.on(host) : [...office.on(host), ...user, ...rights];
        return { prefix, program, socket: socketOf(host) };
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}
