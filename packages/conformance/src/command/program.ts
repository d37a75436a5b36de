import { errorCode, errorMessage } from "@branchcache/runtime";
import { Command, CommanderError } from "commander";
import { discoveryClient } from "../profiles/discovery-client/profile.ts";
import { httpClient } from "../profiles/http-client/profile.ts";
import { retrievalClient } from "../profiles/retrieval-client/profile.ts";
import { version } from "../version.ts";
import { contentServerCommand } from "./content-server.ts";
import { clientProfileCommand } from "./client-profile.ts";
import { exitCode } from "./exit-code.ts";
import { retrievalServerCommand } from "./retrieval-server.ts";

export function conformanceProgram(): Command {
  return new Command("branchcache-conformance")
    .description(
      "Tests any BranchCache implementation on the wire, and tells which rule of which document it breaks.\n" +
        "One profile for each role; see the help of each for what it needs.",
    )
    .version(version)
    .addCommand(retrievalServerCommand())
    .addCommand(contentServerCommand())
    .addCommand(
      clientProfileCommand(retrievalClient, {
        summary: "whoever takes blocks from peers ([MS-PCCRR])",
        description:
          "Gives the client blocks, as a peer should and as it should not, looks at what the client asks for,\n" +
          "and holds both against the rules of [MS-PCCRR].",
      }),
    )
    .addCommand(
      clientProfileCommand(httpClient, {
        summary: "whoever downloads from content servers ([MS-PCCRTP])",
        description:
          "Gives the client content and Content Information, as a content server should and as it should not,\n" +
          "looks at its requests, and holds both against the rules of [MS-PCCRTP].",
      }),
    )
    .addCommand(
      clientProfileCommand(discoveryClient, {
        summary: "whoever looks for peers on the link ([MS-PCCRD])",
        description:
          "Answers the client's probes, as a peer should and as it should not, looks at the probes, and holds\n" +
          "both against the rules of [MS-PCCRD] and WS-Discovery.",
      }),
    )
    .addHelpText(
      "after",
      `
Examples:
  branchcache-conformance retrieval-server --list
  branchcache-conformance retrieval-server 127.0.0.1:1337 --information http://server:8080/boot.wim`,
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
