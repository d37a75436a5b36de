/** Options of the commands that serve content: what of it is coded, who waits how long, where hashes are kept. */
import { Option } from "commander";
import { collect, parseDuration, parseListen, parseSize } from "./option-values.ts";
import {
  cacheDirOption,
  hashCacheSizeOption,
  logFormatOption,
  logLevelOption,
  secretFileOption,
  sharedHashOptions,
  stopAtEofOption,
} from "./shared-options.ts";

/** `listenVariable`: environment variable for `--listen`. */
export const contentOptions = (listenVariable: string): readonly Option[] => [
  new Option("--listen <[host:]port>", "where to listen")
    .env(listenVariable)
    .argParser(parseListen)
    .default({ port: 8080 }, "8080"),
  new Option("--min-size <size>", "smaller content is always sent plain: it is there before peers are found")
    .env("BRANCHCACHE_MIN_SIZE")
    .argParser(parseSize)
    .default(131_072, "128KiB"),
  patterns("--include-path <pattern>", "only these paths, * for any characters; may be repeated"),
  patterns("--exclude-path <pattern>", "all but these paths; may be repeated"),
  patterns("--include-type <pattern>", "only these media types, such as video/*; may be repeated"),
  patterns("--exclude-type <pattern>", "all but these media types; may be repeated"),
  new Option(
    "--range-wait <time>",
    "how long a range request waits for hashes: after a plain answer BITS goes on without BranchCache",
  )
    .argParser(parseDuration)
    .default(10_000, "10s"),
  new Option("--idle-timeout <time>", "how long a connection may be silent")
    .argParser(parseDuration)
    .default(120_000, "2m"),
  secretFileOption(),
  cacheDirOption(),
  hashCacheSizeOption(),
  logLevelOption(),
  logFormatOption(),
  stopAtEofOption(),
  ...sharedHashOptions(),
];

const patterns = (flags: string, description: string): Option =>
  new Option(flags, description).argParser(collect);
