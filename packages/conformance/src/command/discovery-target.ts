import { systemClock } from "@branchcache/runtime/node";
import { Command } from "commander";
import { discoveryTarget } from "../profiles/discovery-target/profile.ts";
import { openInformation } from "./information.ts";
import { addRunOptions, parseWholeNumber, type RunCommandOptions, runCommand } from "./run-options.ts";
import { parseTarget } from "./target-address.ts";

interface Options extends RunCommandOptions {
  readonly information?: string;
  readonly interface?: string;
  readonly backOff: number;
}

export function discoveryTargetCommand(): Command {
  const command = new Command(discoveryTarget.name)
    .summary("whoever answers for the segments it holds ([MS-PCCRD], WS-Discovery)")
    .description(
      "Multicasts probes in both formats, as they should be and as they should not, and looks at what the " +
        "target answers: others on the link may answer as well, and are not looked at. The target has to hold " +
        "the content that --information describes.",
    )
    .argument("[target]", "its address on the link, and the UDP port: 192.0.2.1:3702")
    .option(
      "--information <file|url>",
      "Content Information of content that the target holds whole, or the URL of the content",
    )
    .option("--interface <address>", "local address (IPv6: zone) of the interface to the target")
    .option("--back-off <ms>", "the longest back-off the target is set to", parseWholeNumber, 65);
  return addRunOptions(command)
    .addHelpText(
      "after",
      `
Example:
  branchcache-conformance discovery-target 192.0.2.1:3702 --interface 192.0.2.9 --information boot.ci`,
    )
    .action(async (targetName: string | undefined, options: Options) => {
      await runCommand(command, discoveryTarget, targetName, async (name, random) => {
        const server = parseTarget(name);
        const { segments } = await openInformation(options.information);
        const zone = server.address.split("%")[1];
        return {
          server,
          interface: options.interface ?? zone ?? "0.0.0.0",
          segments,
          random,
          clock: systemClock,
          backoffMs: options.backOff,
          timeoutMs: options.timeout,
        };
      });
    });
}
