/** A client that is a command: run once for each download. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BranchCacheError } from "@branchcache/runtime";
import type { FetchUrl } from "./stage.ts";

/** How much of the end of standard error goes into the report. */
const SHOWN_CHARACTERS = 300;

/**
 * `command` goes to the shell, with `{url}` and `{output}` replaced by the URL and a file to write; without
 * `{output}` the content is what the command writes to its standard output.
 * Errors: `BC_CONFORMANCE_INPUT` for a command without `{url}`.
 */
export function commandClient(command: string): FetchUrl {
  if (!command.includes("{url}")) {
    throw new BranchCacheError("BC_CONFORMANCE_INPUT", `no {url} in the command: ${command}`);
  }
  return async (url, signal) => {
    const directory = await mkdtemp(join(tmpdir(), "branchcache-conformance-"));
    try {
      const output = join(directory, "content");
      const line = command.replaceAll("{url}", url).replaceAll("{output}", output);
      const written = await run(line, signal);
      return command.includes("{output}") ? new Uint8Array(await readFile(output)) : written;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };
}

/** Runs it in a process group of its own, all of which is killed on abort. Resolves with its standard output. */
function run(line: string, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const child = spawn(line, { shell: true, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const parts: Buffer[] = [];
    let complaint = "";
    const stop = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended already.
      }
    };
    const onAbort = () => {
      stop();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    child.stdout.on("data", (part: Buffer) => parts.push(part));
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      complaint = (complaint + part).slice(-SHOWN_CHARACTERS);
    });
    child.on("error", reject);
    child.on("close", (status) => {
      signal.removeEventListener("abort", onAbort);
      if (status === 0) resolve(new Uint8Array(Buffer.concat(parts)));
      else
        reject(new BranchCacheError("BC_CONFORMANCE_CLIENT", `exit status ${status}: ${complaint.trim()}`));
    });
  });
}
