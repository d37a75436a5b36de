import { Command, Option } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { globalsOf } from "../../options/config-option.ts";
import { controlOptions, EXIT_STATUS } from "../../options/control-options.ts";
import { collect, parsePort } from "../../options/option-values.ts";
import type { EnableOptions } from "./enable.ts";

export function enableCommand(): Command {
  const command = new Command("enable")
    .summary("switch BranchCache on, in one of its modes")
    .description(
      "Writes the mode into the configuration file and has the daemon follow at once: no restart, and downloads " +
        "that are under way go on.",
    );
  const mode = (name: EnableOptions["mode"], summary: string) => {
    const child = addOptions(new Command(name).description(summary), controlOptions())
      .option("--preset <port>", "serve blocks on this port rather than 80, such as 1337", parsePort)
      .action(async (options: Omit<EnableOptions, "mode">, self: Command) => {
        const { runEnable } = await import("./enable.ts");
        await runEnable({ ...options, mode: name }, globalsOf(self));
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
