/** A daemon with a directory of its own, and the commands that speak to it. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type BackgroundProcess, startProcess } from "@branchcache/cli/testing";
import { command } from "./commands.mjs";
import { type Ended, runCommand } from "./run-command.ts";

export interface TestDaemon extends AsyncDisposable {
  readonly directory: string;
  readonly configFile: string;
  readonly socket: string;
  readonly process: BackgroundProcess;
  /** Of the dashboard. */
  readonly url: string;
  /** `branchcache` with this daemon's configuration and sockets. */
  run(...args: readonly string[]): Promise<Ended>;
}

export interface TestDaemonOptions {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly args?: readonly string[];
  /** Put before the commands, as to run them in a namespace. */
  readonly on?: readonly string[];
}

export async function startDaemon({
  settings = {},
  args = [],
  on = [],
}: TestDaemonOptions = {}): Promise<TestDaemon> {
  const directory = await mkdtemp(join(tmpdir(), "branchcached-"));
  const configFile = join(directory, "branchcache.json");
  const socket = join(directory, "api.sock");
  const state = {
    api: { socket },
    cache: { data: { path: join(directory, "cache") } },
    content_server: { secret_file: join(directory, "state", "secret") },
    metrics: { listen: "127.0.0.1:0" },
  };
  await writeFile(configFile, JSON.stringify(settings));
  // Where things lie is no matter of the test: a reset of the settings must not lose it.
  await mkdir(join(directory, "branchcache.d"));
  await writeFile(join(directory, "branchcache.d", "50-test.json"), JSON.stringify(state));
  const [program = "", ...rest] = [
    ...on,
    ...command("branchcached", "--stop-at-eof", "--config", configFile, ...args),
  ];
  const background = await startProcess([program, ...rest]);
  let url: string;
  try {
    url = (await background.event("service.started"))["metrics"] ?? "";
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    directory,
    configFile,
    socket,
    process: background,
    url,
    run: (...words) =>
      runCommand([...on, ...command("branchcache", "--config", configFile, ...words)], {
        env: socketsBeside(socket),
      }),
    async [Symbol.asyncDispose]() {
      await background.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Where a command finds the daemon whose socket for programs this is. */
export const socketsBeside = (apiSocket: string): Readonly<Record<string, string>> => ({
  BRANCHCACHE_CONTROL_SOCKET: join(dirname(apiSocket), "control.sock"),
  BRANCHCACHE_API_SOCKET: apiSocket,
});
