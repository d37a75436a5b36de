/** What every command does around its work: errors as one line, and the right exit code. */
import { errorCode, errorMessage } from "@branchcache/runtime";
import { endWithReader } from "@branchcache/runtime/node";
import { type Command, CommanderError } from "commander";
import { applyConfig } from "../options/setting-option.ts";
import { exitCode } from "../terminal/exit-code.ts";

/** Parses `argv`, runs the command and sets the exit code. Never rejects. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  endWithReader(exitCode.good);
  program.hook("preAction", (_program, command) => applyConfig(command));
  applyToAll(program, (command) => command.exitOverride().showHelpAfterError("(see --help)"));
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCode.good : exitCode.usage;
      return;
    }
    const first = firstFailure(error);
    const code = errorCode(first);
    const lines = errorMessage(first).split("\n");
    for (const line of lines) process.stderr.write(`${program.name()}: ${line}${code ? ` (${code})` : ""}\n`);
    process.exitCode = EXIT_CODES[code ?? ""] ?? exitCode.failed;
  }
}

/** The error that ended the command, if closing what it had opened failed as well. */
function firstFailure(error: unknown): unknown {
  let first = error;
  while (first instanceof Error && first.name === "SuppressedError" && "suppressed" in first) {
    first = first.suppressed;
  }
  return first;
}

const EXIT_CODES: Readonly<Record<string, number>> = {
  BC_USAGE: exitCode.usage,
  BC_CONFIG: exitCode.usage,
  BC_ORIGIN_URL: exitCode.usage,
  BC_DAEMON_UNREACHABLE: exitCode.daemonUnreachable,
};

function applyToAll(command: Command, apply: (command: Command) => void): void {
  apply(command);
  for (const child of command.commands) applyToAll(child, apply);
}
