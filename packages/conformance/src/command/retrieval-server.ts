import { systemClock } from "@branchcache/runtime/node";
import { Command } from "commander";
import { retrievalServer } from "../profiles/retrieval-server/profile.ts";
import { openInformation } from "./information.ts";
import { addRunOptions, parseWholeNumber, type RunCommandOptions, runCommand } from "./run-options.ts";
import { parseTarget } from "./target-address.ts";

interface Options extends RunCommandOptions {
  readonly information?: string;
  readonly maxUploads?: number;
  readonly uploadTimer?: number;
}

export function retrievalServerCommand(): Command {
  const command = new Command(retrievalServer.name)
    .summary("whoever gives blocks to others: a peer, or a hosted cache ([MS-PCCRR])")
    .description(
      "Asks the target for blocks, lists of blocks and lists of segments, as it should be asked and as it " +
        "should not, and holds its answers against the rules of [MS-PCCRR]. The target has to hold the " +
        "content that --information describes.",
    )
    .argument("[target]", "its host and TCP port: 192.0.2.1:80, [2001:db8::1]:80, localhost:1337")
    .option(
      "--information <file|url>",
      "Content Information of content that the target holds, or the URL of the content",
    );
  command
    .option(
      "--max-uploads <n>",
      "clients that the target is set to serve at once, some few: all of its slots are taken for a while",
      parseWholeNumber,
    )
    .option("--upload-timer <ms>", "how long it serves one at most", parseWholeNumber, 15_000);
  return addRunOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  branchcache-conformance retrieval-server 127.0.0.1:1337 --information http://server:8080/boot.wim
  branchcache-conformance retrieval-server 127.0.0.1:1337 --information boot.ci --only PCCRR-54 --seed 7
  branchcache-conformance retrieval-server peer:80 --information boot.ci --format junit --output peer.xml`,
    )
    .action(async (targetName: string | undefined, options: Options) => {
      const { information, maxUploads: limit, timeout, uploadTimer: timerMs = 15_000 } = options;
      await runCommand(command, retrievalServer, targetName, async (name, random) => ({
        server: parseTarget(name),
        information: await openInformation(information),
        random,
        timeoutMs: timeout,
        ...(limit !== undefined && { uploads: { limit, timerMs, clock: systemClock } }),
      }));
    });
}
