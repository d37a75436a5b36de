import { Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { globalsOf } from "../../options/config-option.ts";
import { controlOptions, EXIT_STATUS } from "../../options/control-options.ts";
import type { ResetOptions } from "./reset.ts";

export function resetCommand(): Command {
  return addOptions(
    new Command("reset")
      .summary("back to the defaults, with an empty cache")
      .description(
        "Clears the cache, takes every setting out of the configuration file and zeroes the counters. Drop-ins, the " +
          "secret and the firewall stay as they are.",
      )
      .option("--metrics", "counters and totals only")
      .option("--firewall", "only print the rules that the firewall needs; they are for you to enter")
      .option("--force", "do not ask"),
    controlOptions(),
  )
    .addHelpText(
      "after",
      `\nExamples:\n  branchcache reset --metrics\n  branchcache reset --force\n\n${EXIT_STATUS}`,
    )
    .action(async (options: ResetOptions, self: Command) => {
      const { runReset } = await import("./reset.ts");
      await runReset(options, globalsOf(self));
    });
}
