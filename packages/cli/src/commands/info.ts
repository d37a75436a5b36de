import { Command, Option } from "commander";
import type { InfoOptions } from "../work/info.ts";

export function infoCommand(): Command {
  return new Command("info")
    .summary("say what a Content Information says")
    .description(
      "Reads Content Information from FILE, or asks the content server at URL for it, and says what it\n" +
        "describes. Segment secrets are as secret as the content and are never shown.",
    )
    .argument("<file|url>", "a file that holds Content Information, or an http or https URL")
    .option("--segments", "list every segment")
    .addOption(
      new Option("--max-version <version>", "highest version to ask a server for")
        .choices(["1", "2"])
        .default("2"),
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  branchcache info http://intranet/images/boot.wim
  branchcache info saved.ci --segments
  branchcache info saved.ci --json | jq .segments[0].id`,
    )
    .action(async (source: string, options: InfoOptions) => {
      const { runInfo } = await import("../work/info.ts");
      await runInfo(source, options);
    });
}
