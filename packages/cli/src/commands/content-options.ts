/** Options of the commands that serve content: what of it is coded, who waits how long, where hashes are kept. */
import { type Command, Option } from "commander";
import { collect, parseDuration, parseListen, parseSize } from "../option-values.ts";
import {
  cacheDirOption,
  hashCacheSizeOption,
  logFormatOption,
  logLevelOption,
  secretFileOption,
  sharedHashOptions,
  stopAtEofOption,
} from "../shared-options.ts";

/** `listenVariable`: environment variable for `--listen`. */
export function addContentOptions(command: Command, listenVariable: string): Command {
  command
    .addOption(
      new Option("--listen <[host:]port>", "where to listen")
        .env(listenVariable)
        .argParser(parseListen)
        .default({ port: 8080 }, "8080"),
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
      new Option("--idle-timeout <time>", "how long a connection may be silent")
        .argParser(parseDuration)
        .default(120_000, "2m"),
    )
    .addOption(secretFileOption())
    .addOption(cacheDirOption())
    .addOption(hashCacheSizeOption())
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .addOption(stopAtEofOption());
  for (const option of sharedHashOptions()) command.addOption(option);
  return command;
}
