import { Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { controlOptions, EXIT_STATUS } from "../../options/control-options.ts";
import type { StatsOptions } from "./stats.ts";

export function statsCommand(): Command {
  return addOptions(
    new Command("stats")
      .summary("what did not cross the WAN, and where bytes came from")
      .description(
        "Prints what did not cross the WAN, then rates and bytes by source; with --all, every counter too.",
      )
      .option("--watch", "print again every two seconds")
      .option("--all", "every counter too"),
    controlOptions(),
  )
    .addHelpText("after", `\nExamples:\n  branchcache stats\n  branchcache stats --watch\n\n${EXIT_STATUS}`)
    .action(async (options: StatsOptions) => (await import("./stats.ts")).runStats(options));
}
