import { Command, Option } from "commander";
import { collect, parseDuration, parseListen, parseSize } from "../option-values.ts";
import {
  cacheDirOption,
  cacheSizeOption,
  logFormatOption,
  logLevelOption,
  secretFileOption,
} from "../shared-options.ts";
import type { GatewayCommandOptions } from "../work/gateway.ts";

export function gatewayCommand(): Command {
  return new Command("gateway")
    .summary("make any web server a BranchCache content server")
    .description(
      "Passes requests on to the web server at the origin. Clients that know BranchCache get Content\n" +
        "Information instead of content once it is hashed, which happens as the first of them downloads it.\n" +
        "The origin is asked every time: who may not have the content does not get its hashes either.",
    )
    .addOption(
      new Option("--origin <url>", "the web server; a path in it comes before each request's own")
        .env("BRANCHCACHE_GATEWAY_ORIGIN")
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--listen <[host:]port>", "where to listen")
        .env("BRANCHCACHE_GATEWAY_LISTEN")
        .argParser(parseListen)
        .default({ port: 8080 }, "8080"),
    )
    .addOption(
      new Option(
        "--host-header <whose>",
        "Host that the origin sees (default: client for http, origin for https)",
      ).choices(["client", "origin"]),
    )
    .addOption(
      new Option(
        "--forwarded <mode>",
        "X-Forwarded-For, -Host and -Proto: keep the client's, append to them, or replace them",
      )
        .choices(["keep", "append", "replace"])
        .default("keep"),
    )
    .addOption(
      new Option(
        "--min-size <size>",
        "smaller content is always sent plain: it is there before peers are found",
      )
        .env("BRANCHCACHE_MIN_SIZE")
        .argParser(parseSize)
        .default(131_072, "128KiB"),
    )
    .option("--include-path <pattern>", "only these paths, * for any characters; may be repeated", collect)
    .option("--exclude-path <pattern>", "all but these paths; may be repeated", collect)
    .option("--include-type <pattern>", "only these media types, such as video/*; may be repeated", collect)
    .option("--exclude-type <pattern>", "all but these media types; may be repeated", collect)
    .addOption(
      new Option(
        "--range-wait <time>",
        "how long a request for a range waits for hashes: BITS gives up at a plain one",
      )
        .argParser(parseDuration)
        .default(10_000, "10s"),
    )
    .addOption(
      new Option("--origin-timeout <time>", "how long the origin may be silent")
        .argParser(parseDuration)
        .default(60_000, "60s"),
    )
    .addOption(
      new Option("--idle-timeout <time>", "how long a connection may be silent")
        .argParser(parseDuration)
        .default(120_000, "2m"),
    )
    .addOption(secretFileOption())
    .addOption(cacheDirOption())
    .addOption(cacheSizeOption())
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .addHelpText(
      "after",
      `
Content needs a strong ETag, or a Last-Modified and no ETag, and its length. Where the origin compresses,
clients that know BranchCache are given the content as it is. Gateways with the same secret share their
clients' caches.

Examples:
  branchcache gateway --origin http://127.0.0.1:8081 --listen 80
  branchcache gateway --origin https://files.example --exclude-path '*.ipxe' --forwarded replace`,
    )
    .action(async (options: GatewayCommandOptions) => {
      const { runGateway } = await import("../work/gateway.ts");
      await runGateway(options);
    });
}
