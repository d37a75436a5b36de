import { readFile } from "node:fs/promises";
import { BranchCacheError, errorMessage } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { Command } from "commander";
import { openContentServer } from "../profiles/content-server/open.ts";
import { contentServer } from "../profiles/content-server/profile.ts";
import { addRunOptions, type RunCommandOptions, runCommand } from "./run-options.ts";

interface Options extends RunCommandOptions {
  readonly fresh?: string;
  readonly secretFile?: string;
}

export function contentServerCommand(): Command {
  const command = new Command(contentServer.name)
    .summary("whoever gives out Content Information ([MS-PCCRTP], [MS-PCCRC])")
    .description(
      "Gets one resource as it is, then in every way in which a client may or may not offer the coding, " +
        "and holds the answers against [MS-PCCRTP], and the Content Information in them against the content " +
        "and [MS-PCCRC]. The resource should have 100 kB or more, and a validator.",
    )
    .argument("[target]", "URL of the resource")
    .option("--fresh <url>", "a resource of the same server that nobody has asked for since it changed")
    .option("--secret-file <file>", "the server's secret key, as it is, to hold segment secrets against");
  return addRunOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  branchcache-conformance content-server http://server:8080/boot.wim
  branchcache-conformance content-server https://server/boot.wim --fresh https://server/new.iso --level SHOULD`,
    )
    .action(async (url: string | undefined, { fresh, secretFile, timeout }: Options) => {
      await runCommand(command, contentServer, url, async (name, random) =>
        openContentServer(name, {
          random,
          clock: systemClock,
          timeoutMs: timeout,
          ...(fresh !== undefined && { freshUrl: fresh }),
          ...(secretFile !== undefined && { secret: await readSecret(secretFile) }),
        }),
      );
    });
}

async function readSecret(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new BranchCacheError("BC_CONFORMANCE_INPUT", `--secret-file: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
