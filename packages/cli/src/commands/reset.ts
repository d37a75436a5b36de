import { Command } from "commander";
import type { ResetOptions } from "../work/reset.ts";
import type { ConfigGlobals } from "./config.ts";
import { addControlOptions, EXIT_STATUS } from "./control-options.ts";

export function resetCommand(): Command {
  return addControlOptions(
    new Command("reset")
      .summary("back to the defaults, with an empty cache")
      .description(
        "Clears the cache, takes every setting out of the configuration file and zeroes the counters. Drop-ins, the " +
          "secret and the firewall stay as they are.",
      )
      .option("--metrics", "counters and totals only")
      .option("--firewall", "only print the rules that the firewall needs; they are for you to enter")
      .option("--force", "do not ask"),
  )
    .addHelpText(
      "after",
      `\nExamples:\n  branchcache reset --metrics\n  branchcache reset --force\n\n${EXIT_STATUS}`,
    )
    .action(async (options: ResetOptions, self: Command) => {
      const { runReset } = await import("../work/reset.ts");
      await runReset(options, self.optsWithGlobals<ConfigGlobals>());
    });
}
