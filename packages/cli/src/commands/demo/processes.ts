/** The project's own commands as processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { BranchCacheError } from "@branchcache/runtime";

/** The command for people, or the daemon. */
export type CliProgram = "branchcache" | "branchcached";

/** A program and its arguments. */
export type CommandLine = readonly [string, ...string[]];

/** How to run one of the commands beside this file. */
export function cliCommand(name: CliProgram, args: readonly string[]): CommandLine {
  return [process.execPath, fileURLToPath(new URL(`../../${name}.js`, import.meta.url)), ...args];
}

/** A command that runs beside this process, and whose log is read. */
export interface BackgroundProcess {
  readonly pid: number;
  /** The fields of the first event of this name in its JSON log. Rejects if the process ends without it. */
  event(name: string): Promise<Readonly<Record<string, string>>>;
  /** Does nothing once it has ended: its id may be another's by then. */
  signal(signal: NodeJS.Signals): void;
  /** Asks it to stop and waits until it has. */
  stop(): Promise<void>;
}

/**
 * Starts a command that logs JSON to standard error and stays. Its standard input ends with this process, for those
 * that stop then (`--stop-at-eof`).
 */
export async function startProcess([program, ...args]: CommandLine): Promise<BackgroundProcess> {
  const child = spawn(program, args, { stdio: ["pipe", "ignore", "pipe"] });
  await once(child, "spawn");
  const log = new EventLog(child);
  return {
    pid: child.pid ?? 0,
    event: (event) => log.first(event),
    signal: (signal) => void child.kill(signal),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

/** Runs a command to its end and gives what it printed. Throws `BC_PROCESS_FAILED` with what it said. */
export async function runProcess(command: CommandLine): Promise<string> {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    complaint += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) {
    throw new BranchCacheError(
      "BC_PROCESS_FAILED",
      `${command.join(" ")} ended with ${code}: ${complaint.trim()}`,
    );
  }
  return output;
}

interface Waiting {
  readonly name: string;
  readonly resolve: (fields: Record<string, string>) => void;
  readonly reject: (error: unknown) => void;
}

class EventLog {
  readonly #seen = new Map<string, Record<string, string>>();
  #waiting: Waiting[] = [];
  #ended: Error | undefined;
  #lastLine = "";

  constructor(child: ChildProcess) {
    if (!child.stderr) return;
    const lines = createInterface({ input: child.stderr });
    lines.on("line", (line) => {
      this.#lastLine = line;
      const fields = parseJson(line);
      const name = fields?.["event"];
      if (!fields || name === undefined) return;
      if (!this.#seen.has(name)) this.#seen.set(name, fields);
      for (const waiting of this.#waiting) if (waiting.name === name) waiting.resolve(fields);
      this.#waiting = this.#waiting.filter((waiting) => waiting.name !== name);
    });
    lines.once("close", () => {
      this.#ended = new BranchCacheError("BC_PROCESS_FAILED", `a process ended early: ${this.#lastLine}`);
      for (const waiting of this.#waiting) waiting.reject(this.#ended);
    });
  }

  first(name: string): Promise<Record<string, string>> {
    const seen = this.#seen.get(name);
    if (seen) return Promise.resolve(seen);
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ name, resolve, reject });
    });
  }
}

function parseJson(line: string): Record<string, string> | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
