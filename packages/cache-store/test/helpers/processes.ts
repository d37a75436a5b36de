import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const WRITER = fileURLToPath(new URL("./writer-process.mjs", import.meta.url));

export interface Writer {
  readonly process: ChildProcess;
  /** What it said so far, line by line. */
  readonly lines: readonly string[];
  /** Resolves with its exit code or signal, once all it said has been read. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** Starts a writer; `onLine` is told each line as it comes. */
export function startWriter(
  args: readonly (string | number)[],
  onLine: (line: string, writer: Writer) => void = () => {},
): Writer {
  const child = spawn(process.execPath, [WRITER, ...args.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ?? code));
  });
  const writer: Writer = { process: child, lines, ended };
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    onLine(line, writer);
  });
  return writer;
}

/** The highest number that it told as `what`; -1 if it told none. */
export function highest(writer: Writer, what: "put" | "flushed"): number {
  const numbers = writer.lines
    .filter((line) => line.startsWith(`${what} `))
    .map((line) => Number(line.split(" ")[1]));
  return Math.max(-1, ...numbers);
}
