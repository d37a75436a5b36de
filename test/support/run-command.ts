/** A command that is run to its end, whatever that is. */
import { spawn } from "node:child_process";
import { once } from "node:events";

/** How it ended. */
export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  /** Of its standard output and its standard error. */
  readonly output: string;
  readonly complaint: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** For its standard input, which is empty otherwise. */
  readonly input?: Uint8Array;
}

/** Rejects only where the program cannot be started. */
export async function runCommand(
  line: readonly string[],
  { cwd, env = {}, input }: RunOptions = {},
): Promise<Ended> {
  const [program = "", ...args] = line;
  const child = spawn(program, args, { ...(cwd && { cwd }), env: { ...process.env, ...env } });
  child.stdin.on("error", () => {}).end(input);
  let output = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const [code] = await once(child, "close");
  return { code, output, complaint };
}
