import type { EventLevel } from "@branchcache/runtime";
import { Command, Option } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { controlOptions, EXIT_STATUS } from "../../options/control-options.ts";
import { parseCount } from "../../options/option-values.ts";
import { LOG_LEVELS } from "../../telemetry/log-observer.ts";
import type { EventsOptions } from "./events.ts";

export function eventsCommand(): Command {
  return addOptions(
    new Command("events")
      .summary("what happened lately, and what happens")
      .description(
        "Prints the latest events of the daemon; with --follow, each as it comes. --level debug adds those of single " +
          "segments, and --level trace, with --follow, those of single blocks.",
      )
      .option("-f, --follow", "go on until interrupted")
      .addOption(
        new Option("-n, --lines <count>", "how many of the latest to print")
          .argParser(parseCount)
          .default(20),
      )
      .addOption(
        new Option("-l, --level <level>", "least important events that are shown")
          .choices(LOG_LEVELS)
          .default("info" satisfies EventLevel),
      ),
    controlOptions(),
  )
    .addHelpText(
      "after",
      `\nExamples:\n  branchcache events -n 100\n  branchcache events --follow --level trace --json\n\n${EXIT_STATUS}`,
    )
    .action(async (options: EventsOptions) => (await import("./events.ts")).runEvents(options));
}
