import { Command, Option } from "commander";
import { collect, parsePort } from "../option-values.ts";
import type { EnableOptions } from "../work/enable.ts";
import type { ConfigGlobals } from "./config.ts";
import { addControlOptions, EXIT_STATUS } from "./control-options.ts";

export function enableCommand(): Command {
  const command = new Command("enable")
    .summary("switch BranchCache on, in one of its modes")
    .description(
      "Writes the mode into the configuration file and has the daemon follow at once: no restart, and downloads " +
        "that are under way go on.",
    );
  const mode = (name: EnableOptions["mode"], summary: string) => {
    const child = addControlOptions(new Command(name).description(summary))
      .option("--preset <port>", "serve blocks on this port rather than 80, such as 1337", parsePort)
      .action(async (options: Omit<EnableOptions, "mode">, self: Command) => {
        const { runEnable } = await import("../work/enable.ts");
        await runEnable({ ...options, mode: name }, self.optsWithGlobals<ConfigGlobals>());
      });
    command.addCommand(child);
    return child;
  };
  mode("local", "keeps and rereads what it downloads; asks nobody, serves nobody");
  mode("distributed", "a peer among peers: finds them by multicast and serves them");
  mode("hosted-client", "reads from and offers to hosted caches")
    .option("--server <name>", "name or address of a hosted cache; may be repeated", collect)
    .option("--discover", "look for hosted caches by DNS")
    .addOption(
      new Option("--offer-version <version>", "protocol of offers: 2 by HTTP, 1 by HTTPS").choices([
        "1",
        "2",
      ]),
    );
  mode("hosted-server", "is a hosted cache for the whole office").option(
    "--announce",
    "print the directory entry, policy values and DNS record that point clients here",
  );
  mode("auto", "hosted caches where one is found, else peers");
  return command.addHelpText(
    "after",
    `
Examples:
  branchcache enable distributed
  branchcache enable distributed --preset 1337
  branchcache enable hosted-client --server cache.branch.example
  branchcache enable hosted-server --announce

${EXIT_STATUS}`,
  );
}

export function disableCommand(): Command {
  return addControlOptions(
    new Command("disable")
      .summary("switch BranchCache off; the cache stays")
      .description(
        "Writes mode disabled into the configuration file and has the daemon follow. The cache is kept.",
      ),
  )
    .addHelpText("after", `\nExample:\n  branchcache disable\n\n${EXIT_STATUS}`)
    .action(async (options: Omit<EnableOptions, "mode">, self: Command) => {
      const { runEnable } = await import("../work/enable.ts");
      await runEnable({ ...options, mode: "disabled" }, self.optsWithGlobals<ConfigGlobals>());
    });
}
