import { Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { type ControlOptions, controlOptions } from "../../options/control-options.ts";

export function probeCommand(): Command {
  return addOptions(
    new Command("probe")
      .summary("ask the link who has a segment")
      .description(
        "Asks the neighbours who holds a segment, by its identifier, or the segments that a saved Content Information " +
          "or the Content Information of a URL describes.",
      )
      .argument("<segment|file|url>", "hexadecimal identifier, a file with Content Information, or a URL"),
    controlOptions(),
  )
    .addHelpText(
      "after",
      `
Examples:
  branchcache probe http://intranet/images/boot.wim
  branchcache probe saved.ci

Exit status: 0 somebody answered, 1 nobody did, 2 wrong usage, 3 the daemon is
not reachable.`,
    )
    .action(async (what: string, options: ControlOptions) =>
      (await import("./probe.ts")).runProbe(what, options),
    );
}
