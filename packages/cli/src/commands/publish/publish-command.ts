import { Command, Option } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { parseHeader, parseUrl } from "../../options/option-values.ts";
import { cacheDirOption, hashCacheSizeOption, sharedHashOptions } from "../../options/shared-options.ts";
import type { PublishOptions } from "./publish.ts";

export function publishCommand(): Command {
  return addOptions(
    new Command("publish")
      .summary("hash files ahead of the first request")
      .description(
        "Hashes files in both versions of Content Information and keeps the hashes where `branchcache serve` " +
          "with the same cache directory finds them. Files that are hashed already are skipped. With --url-prefix " +
          "it is for `branchcache gateway`: what the web server sends under the files' names is hashed.",
      )
      .argument("<path...>", "files, or directories with -r")
      .option("-r, --recurse", "go into directories; dotfiles and links are left out")
      .addOption(
        new Option("--url-prefix <url>", "where clients find the files, through a gateway").argParser(
          parseUrl,
        ),
      )
      .addOption(
        new Option("--origin <url>", "the gateway's web server (default: that of the URL prefix)").argParser(
          parseUrl,
        ),
      )
      .option(
        "-H, --header <name: value>",
        "send this header to the web server; may be repeated",
        parseHeader,
      )
      .addOption(cacheDirOption())
      .addOption(hashCacheSizeOption())
      .option("--json", "print a line of JSON for each file")
      .option("-q, --quiet", "say nothing but errors"),
    sharedHashOptions(),
  )
    .addHelpText(
      "after",
      `
Examples:
  branchcache publish /srv/images/boot.wim
  branchcache publish -r /srv/images
  branchcache publish -r /srv/www --url-prefix http://files.example/ --origin http://127.0.0.1:8081

Exit status: 0 all hashed, 1 some could not be hashed, 2 usage.`,
    )
    .action(async (paths: readonly string[], options: PublishOptions) => {
      const { runPublish } = await import("./publish.ts");
      await runPublish(paths, options);
    });
}
