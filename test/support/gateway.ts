/** `branchcache gateway` as a user runs it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { command } from "./commands.ts";

export interface LogLine {
  readonly event: string;
  readonly url?: string;
  readonly path?: string;
}

export interface RunningGateway extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly log: readonly LogLine[];
  /** Resolves once this path of the origin is hashed. */
  whenHashed(path: string): Promise<void>;
}

export async function startGateway(origin: string, ...args: readonly string[]): Promise<RunningGateway> {
  const directory = await mkdtemp(join(tmpdir(), "branchcache-gateway-"));
  const [program, ...rest] = command(
    "branchcache",
    ...["gateway", "--origin", origin, "--listen", "127.0.0.1:0"],
    ...["--cache-dir", join(directory, "cache"), "--hash-cache-size", "64MiB"],
    ...["--secret-file", join(directory, "secret"), "--log-format", "json", ...args],
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
      ended.then(() => reject(new Error(`the gateway ended: ${JSON.stringify(log)}`)));
    });
  const url = (await whenLogged(({ event }) => event === "service.started")).url ?? "";
  return {
    url: url.replace(/\/$/, ""),
    port: Number(new URL(url).port),
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
