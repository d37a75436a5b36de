import { Command, Option } from "commander";
import { parseListen, parseSize } from "../option-values.ts";
import {
  cacheDirOption,
  cacheSizeOption,
  logFormatOption,
  logLevelOption,
  secretFileOption,
} from "../shared-options.ts";
import type { ServeOptions } from "../work/serve.ts";

export function serveCommand(): Command {
  return new Command("serve")
    .summary("serve a directory as a BranchCache content server")
    .description(
      "Serves the files below DIR over HTTP. Clients that know BranchCache get Content Information\n" +
        "instead of content once a file is hashed: beforehand by `branchcache publish`, else in the\n" +
        "background after the first request for it. Dotfiles and links that leave DIR are refused.",
    )
    .argument("<dir>", "the directory")
    .addOption(
      new Option("--listen <[host:]port>", "where to listen")
        .env("BRANCHCACHE_SERVE_LISTEN")
        .argParser(parseListen)
        .default({ port: 8080 }, "8080"),
    )
    .addOption(
      new Option("--min-size <size>", "smaller files are always sent plain")
        .env("BRANCHCACHE_MIN_SIZE")
        .argParser(parseSize)
        .default(65_536, "64KiB"),
    )
    .addOption(secretFileOption())
    .addOption(cacheDirOption())
    .addOption(cacheSizeOption())
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .addHelpText(
      "after",
      `
Servers that offer the same files need the same secret, or each copy is cached separately.

Examples:
  branchcache serve /srv/images
  branchcache serve . --listen 127.0.0.1:8080 --secret-file ./secret
  branchcache publish /srv/images -r && branchcache serve /srv/images`,
    )
    .action(async (root: string, options: ServeOptions) => {
      const { runServe } = await import("../work/serve.ts");
      await runServe(root, options);
    });
}
