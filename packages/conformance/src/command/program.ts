import { errorCode, errorMessage } from "@branchcache/runtime";
import { Command, CommanderError } from "commander";
import { version } from "../version.ts";
import { clientCommands } from "./client-commands.ts";
import { contentServerCommand } from "./content-server.ts";
import { discoveryTargetCommand } from "./discovery-target.ts";
import { exitCode } from "./exit-code.ts";
import { hostedCacheCommand } from "./hosted-cache.ts";
import { retrievalServerCommand } from "./retrieval-server.ts";

export function conformanceProgram(): Command {
  const program = new Command("branchcache-conformance")
    .description(
      "Tests any BranchCache implementation on the wire, and tells which rule of which document it breaks. " +
        "One profile for each role; see the help of each for what it needs.",
    )
    .version(version)
    .addCommand(retrievalServerCommand())
    .addCommand(contentServerCommand())
    .addCommand(hostedCacheCommand())
    .addCommand(discoveryTargetCommand());
  for (const command of clientCommands()) program.addCommand(command);
  return program.addHelpText(
    "after",
    `
Examples:
  branchcache-conformance retrieval-server --list
  branchcache-conformance retrieval-server 127.0.0.1:1337 --information http://server:8080/boot.wim
  branchcache-conformance retrieval-client --listen 192.0.2.1:8080 --run 'fetch-it {url} > {output}'`,
  );
}

/** Parses `argv`, runs the profile and sets the exit code. Never rejects. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  for (const command of [program, ...program.commands]) {
    command.exitOverride().showHelpAfterError("(see --help)");
  }
  try {
    await program.parseAsync(argv as string[]);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCode.conforms : exitCode.usage;
      return;
    }
    const code = errorCode(error);
    process.stderr.write(`${program.name()}: ${errorMessage(error)}${code ? ` (${code})` : ""}\n`);
    process.exitCode = code === "BC_CONFORMANCE_UNREACHABLE" ? exitCode.unreachable : exitCode.usage;
  }
}
