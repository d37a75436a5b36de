import { Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { globalsOf } from "../../options/config-option.ts";
import { type ControlOptions, controlOptions, EXIT_STATUS } from "../../options/control-options.ts";

/** `enable` with the mode `disabled`. */
export function disableCommand(): Command {
  return addOptions(
    new Command("disable")
      .summary("switch BranchCache off; the cache stays")
      .description(
        "Writes mode disabled into the configuration file and has the daemon follow. The cache is kept.",
      ),
    controlOptions(),
  )
    .addHelpText("after", `\nExample:\n  branchcache disable\n\n${EXIT_STATUS}`)
    .action(async (options: ControlOptions, self: Command) => {
      const { runEnable } = await import("../enable/enable.ts");
      await runEnable({ ...options, mode: "disabled" }, globalsOf(self));
    });
}
