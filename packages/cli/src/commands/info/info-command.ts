import { Command, Option } from "commander";
import type { InfoOptions } from "./info.ts";

export function infoCommand(): Command {
  return new Command("info")
    .summary("show what Content Information describes")
    .description(
      "Reads Content Information from a file or standard input (-), or asks the content server at a URL for it, " +
        "and says what it describes. Segment secrets are as secret as the content; they are shown only when asked for.",
    )
    .argument(
      "<file|url>",
      "a file that holds Content Information, - for standard input, or an http or https URL",
    )
    .argument("[other]", "a second one, with --diff")
    .option("--segments", "list every segment, with its whole identifier; with --diff the shared ones too")
    .addOption(
      new Option(
        "--verify <file>",
        "check FILE, which holds the content from its first byte, block by block; name the first bad one",
      ).conflicts("diff"),
    )
    .option("--diff", "say which segments the two share")
    .option("--show-secrets", "print segment secrets too: whoever has them can read the content")
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
  branchcache info http://intranet/images/boot.wim --verify ./boot.wim
  branchcache info --diff old.ci new.ci
  branchcache info - --json < saved.ci | jq .segments[0].id

Exit status: 0 good, 1 unreadable or not the same content (--verify), 2 usage.`,
    )
    .action(async (source: string, other: string | undefined, options: InfoOptions) => {
      const { runInfo } = await import("./info.ts");
      await runInfo(source, other, options);
    });
}
