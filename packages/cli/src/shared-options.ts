/** Options that several commands share: the same words and defaults everywhere. */
import { Option } from "commander";
import { LOG_LEVELS } from "./log-observer.ts";
import { collect, parseDuration, parsePort, parseSize } from "./option-values.ts";
import { defaultPaths } from "./paths.ts";

export const cacheDirOption = (): Option =>
  new Option("--cache-dir <dir>", "where blocks and hashes are kept")
    .env("BRANCHCACHE_CACHE_DIR")
    .default(defaultPaths().cacheDir);

export const cacheSizeOption = (): Option =>
  new Option(
    "--cache-size <size>",
    "most that the cache may hold, such as 20GiB (default: 5 % of the volume)",
  )
    .env("BRANCHCACHE_CACHE_SIZE")
    .argParser(parseSize);

export const hashCacheSizeOption = (): Option =>
  new Option(
    "--hash-cache-size <size>",
    "most that the hashes in the cache may take (default: 1 % of the volume, at least 64 MiB)",
  )
    .env("BRANCHCACHE_HASH_CACHE_SIZE")
    .argParser(parseSize);

export const interfaceOption = (): Option =>
  new Option(
    "--interface <name|address>",
    "find peers on this interface only; may be repeated (default: all but loopback)",
  )
    .env("BRANCHCACHE_INTERFACES")
    .argParser(collectCommas);

export const discoveryPortOption = (): Option =>
  new Option("--discovery-port <port>", "UDP port of the branch's discovery")
    .env("BRANCHCACHE_DISCOVERY_PORT")
    .argParser(parsePort)
    .default(3702);

export const discoveryWaitOption = (): Option =>
  new Option("--discovery-wait <time>", "how long peers may take to answer a probe")
    .env("BRANCHCACHE_DISCOVERY_WAIT")
    .argParser(parseDuration)
    .default(300, "300ms");

export const socketOption = (): Option =>
  new Option("--socket <path>", "the daemon's socket for local callers").env("BRANCHCACHE_SOCKET");

export const secretFileOption = (): Option =>
  new Option("--secret-file <file>", "the content server's secret; made at first use, mode 0600")
    .env("BRANCHCACHE_SECRET_FILE")
    .default(defaultPaths().secretFile);

export const logLevelOption = (): Option =>
  new Option("--log-level <level>", "least important events to log")
    .env("BRANCHCACHE_LOG_LEVEL")
    .choices(LOG_LEVELS)
    .default("info");

export const logFormatOption = (): Option =>
  new Option("--log-format <format>", "how events are logged (default: text on a terminal, else json)")
    .env("BRANCHCACHE_LOG_FORMAT")
    .choices(["json", "text"]);

/** An environment variable carries several values with commas between them. */
function collectCommas(value: string, previous: readonly string[] | undefined): readonly string[] {
  return (
    value
      .split(",")
      .reduce<readonly string[] | undefined>((all, one) => collect(one.trim(), all), previous) ?? []
  );
}
