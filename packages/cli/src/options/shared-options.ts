/** Options that several commands share: the same words and defaults everywhere. */
import { Option } from "commander";
import { LOG_LEVELS } from "../telemetry/log-observer.ts";
import { SettingOption } from "./setting-option.ts";

export const cacheDirOption = (): Option => new SettingOption("--cache-dir <dir>", "cache.data.path");

export const cacheSizeOption = (): Option =>
  new SettingOption(
    "--cache-size <size>",
    "cache.data.max_bytes",
    "most that the cache may hold, such as 20GiB (default: 5 % of the volume)",
  );

export const hashCacheSizeOption = (): Option =>
  new SettingOption(
    "--hash-cache-size <size>",
    "cache.hash.max_bytes",
    "most that the hashes in the cache may take (default: 1 % of the volume, at least 64 MiB)",
  );

/** Of the commands that keep hashes: a cluster that several machines share, in place of the cache directory. */
export const sharedHashOptions = (): readonly Option[] => [
  new SettingOption("--cache-store <kind>", "cache.store"),
  new SettingOption(
    "--redis-node <host:port>",
    "cache.redis.nodes",
    "node of the cluster that keeps the hashes, as --cache-store redis; may be repeated",
  ).implies({ cacheStore: "redis" }),
  new SettingOption("--redis-username <name>", "cache.redis.username"),
  new SettingOption("--redis-password-file <file>", "cache.redis.password_file"),
  new SettingOption("--redis-tls [true|false]", "cache.redis.tls").preset("true"),
  new SettingOption("--redis-prefix <text>", "cache.redis.prefix"),
  new SettingOption("--redis-deadline <time>", "cache.redis.deadline"),
];

/** Of the commands that look after the cache: where it is. Seldom given, since the configuration says so. */
export const cachePlaceOptions = (): readonly Option[] => [
  cacheDirOption(),
  ...[new SettingOption("--secrets-path <dir>", "cache.data.secrets_path"), ...sharedHashOptions()].map(
    (option) => option.hideHelp(),
  ),
];

export const interfaceOption = (): Option =>
  new SettingOption(
    "--interface <name|address>",
    "peer.interfaces",
    "find peers on this interface only; may be repeated (default: all but loopback)",
  );

export const discoveryPortOption = (): Option =>
  new SettingOption("--discovery-port <port>", "discovery.port");

export const discoveryWaitOption = (): Option =>
  new SettingOption("--discovery-wait <time>", "discovery.wait");

/** For callers of a daemon; without it they try the usual places. */
export const socketOption = (): Option =>
  new Option("--socket <path>", "the daemon's socket for local callers").env("BRANCHCACHE_API_SOCKET");

export const secretFileOption = (): Option =>
  new SettingOption("--secret-file <file>", "content_server.secret_file");

export const logLevelOption = (): Option => new SettingOption("--log-level <level>", "log.level");

export const logFormatOption = (): Option => new SettingOption("--log-format <format>", "log.format");

/** For programs that start a command which keeps running, and may be killed before they stop it. */
export const stopAtEofOption = (): Option =>
  new Option(
    "--stop-at-eof",
    "stop when standard input ends: for programs that start this one and hold a pipe to it",
  );

/** For commands whose own output is what is wanted. */
export const quietLogLevelOption = (): Option =>
  new Option("--log-level <level>", "least important events to log").choices(LOG_LEVELS).default("warn");
