import { Argument, Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { controlOptions, EXIT_STATUS } from "../../options/control-options.ts";
import type { StatusOptions } from "./status.ts";

export function statusCommand(): Command {
  return addOptions(
    new Command("status")
      .summary("say what the daemon is and does, and what is wrong with it")
      .description("Asks the daemon what it is and does: mode, ports, caches, and what needs attention.")
      .addArgument(
        new Argument("[part]", "one part only").choices([
          "client",
          "content-server",
          "hosted-server",
          "network",
          "cache",
        ]),
      )
      .option("-v, --verbose", "ports and paths too")
      .option("--windows-names", "print JSON with the names of Get-BCStatus"),
    controlOptions(),
  )
    .addHelpText(
      "after",
      `
Examples:
  branchcache status
  branchcache status network
  branchcache status --json | jq .cache.data.active_bytes
  branchcache status --windows-names

${EXIT_STATUS}`,
    )
    .action(async (part: string | undefined, options: StatusOptions) => {
      const { runStatus } = await import("./status.ts");
      await runStatus(part, options);
    });
}
