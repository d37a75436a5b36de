import { Command, Option } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { controlOptions, EXIT_STATUS } from "../../options/control-options.ts";
import { parseCount } from "../../options/option-values.ts";
import type { EventsOptions } from "./events.ts";

export function eventsCommand(): Command {
  return addOptions(
    new Command("events")
      .summary("what happened lately, and what happens")
      .description(
        "Prints the latest events of the daemon; with --follow, each as it comes, traces of single blocks too.",
      )
      .option("-f, --follow", "go on until interrupted")
      .addOption(new Option("-n, --lines <count>", "of the latest").argParser(parseCount).default(20)),
    controlOptions(),
  )
    .addHelpText(
      "after",
      `\nExamples:\n  branchcache events -n 100\n  branchcache events --follow --json\n\n${EXIT_STATUS}`,
    )
    .action(async (options: EventsOptions) => (await import("./events.ts")).runEvents(options));
}
