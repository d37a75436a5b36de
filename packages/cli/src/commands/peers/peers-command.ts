import { Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { type ControlOptions, controlOptions, EXIT_STATUS } from "../../options/control-options.ts";

export function peersCommand(): Command {
  return addOptions(
    new Command("peers")
      .summary("who gave something lately, how fast, and who is left alone")
      .description("Lists the peers that gave or failed since the daemon started, most recent first."),
    controlOptions(),
  )
    .addHelpText("after", `\nExample:\n  branchcache peers\n\n${EXIT_STATUS}`)
    .action(async (options: ControlOptions) => (await import("./peers.ts")).runPeers(options));
}
