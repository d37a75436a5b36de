import { Command } from "commander";
import { cacheDirOption, cacheSizeOption } from "../shared-options.ts";
import type { PublishOptions } from "../work/publish.ts";

export function publishCommand(): Command {
  return new Command("publish")
    .summary("hash files ahead of the first request")
    .description(
      "Hashes files in both versions of Content Information and keeps the hashes where `branchcache serve`\n" +
        "with the same cache directory finds them. Files that are hashed already are skipped.",
    )
    .argument("<path...>", "files, or directories with -r")
    .option("-r, --recurse", "go into directories; dotfiles and links are left out")
    .addOption(cacheDirOption())
    .addOption(cacheSizeOption())
    .option("--json", "print a line of JSON for each file")
    .option("-q, --quiet", "say nothing but errors")
    .addHelpText(
      "after",
      `
Examples:
  branchcache publish /srv/images/boot.wim
  branchcache publish -r /srv/images

Exit status: 0 all hashed, 1 some could not be hashed, 2 usage.`,
    )
    .action(async (paths: readonly string[], options: PublishOptions) => {
      const { runPublish } = await import("../work/publish.ts");
      await runPublish(paths, options);
    });
}
