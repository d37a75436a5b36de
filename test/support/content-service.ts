/** `branchcache gateway` and `branchcache serve` as a user runs them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { command } from "./commands.mjs";

interface LogLine {
  readonly event: string;
  readonly url?: string;
  readonly path?: string;
}

export interface RunningService extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly log: readonly LogLine[];
  /** Resolves once the content whose name ends so is hashed. */
  whenHashed(path: string): Promise<void>;
}

export function startGateway(origin: string, ...args: readonly string[]): Promise<RunningService> {
  return start("gateway", "--origin", origin, ...args);
}

export function startServe(root: string, ...args: readonly string[]): Promise<RunningService> {
  return start("serve", root, ...args);
}

/** Cache and secret are its own, unless the arguments name others. */
async function start(name: string, ...args: readonly string[]): Promise<RunningService> {
  const directory = await mkdtemp(join(tmpdir(), `branchcache-${name}-`));
  const [program, ...rest] = command(
    "branchcache",
    ...[name, "--listen", "127.0.0.1:0", "--log-format", "json"],
    ...["--cache-dir", join(directory, "cache"), "--hash-cache-size", "64MiB"],
    ...["--secret-file", join(directory, "secret"), ...args],
  );
  const child = spawn(program, rest, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  const log: LogLine[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stderr }).on("line", (line) => {
    log.push(JSON.parse(line));
    for (const look of waiting) look();
  });
  const whenLogged = (fits: (line: LogLine) => boolean): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = log.find(fits);
        if (!found) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      ended.then(() => reject(new Error(`it ended: ${JSON.stringify(log)}`)));
    });
  const url = (await whenLogged(({ event }) => event === "service.started")).url ?? "";
  return {
    url: url.replace(/\/$/, ""),
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    log,
    async whenHashed(path) {
      await whenLogged((line) => line.event === "publish.done" && line.path?.endsWith(path) === true);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
