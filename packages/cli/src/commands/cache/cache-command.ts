import { Command, InvalidArgumentError, Option } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { globalsOf } from "../../options/config-option.ts";
import { controlOptions } from "../../options/control-options.ts";
import { collect, parseDuration, parseSize } from "../../options/option-values.ts";
import { cachePlaceOptions } from "../../options/shared-options.ts";
import type {
  CacheAddOptions,
  CacheClearOptions,
  CacheRemoveOptions,
  CacheSetOptions,
} from "./change-cache.ts";
import type { CacheListOptions } from "./show-cache.ts";
import type { CacheOptions } from "./with-cache.ts";

export function cacheCommand(): Command {
  return new Command("cache")
    .summary("look into the cache, and look after it")
    .description(
      "Says what the cache holds, what was evicted from it and why; sets its limits, checks and clears it.",
    )
    .addCommand(
      subcommand("show", "sizes, limits, hits, and what was evicted and why").action(
        async (options: CacheOptions) => (await looking()).showCache(options),
      ),
    )
    .addCommand(
      subcommand("list", "the segments held")
        .option("--tag <tag>", "only those with this tag")
        .addOption(
          new Option("--sort <by>", "what comes first: largest, oldest, least recently used, most read")
            .choices(["size", "age", "used", "hits"])
            .default("used"),
        )
        .action(async (options: CacheListOptions) => (await looking()).listCache(options)),
    )
    .addCommand(
      subcommand("add", "use one directory more, perhaps on another volume")
        .argument("<dir>", "the directory, made if there is none")
        .option("--max-size <size>", "most that it may hold, such as 20GiB", parseSize)
        .option("--max-percent <percent>", "the same, of its volume (default: 5)", parsePercent)
        .action(async (path: string, options: CacheAddOptions) =>
          (await changing()).addExtension(path, options),
        ),
    )
    .addCommand(
      subcommand("remove", "remove segments, or a directory that was added")
        .argument("[id...]", "identifiers of segments, as `cache list` shows them")
        .option("--dir <dir>", "a directory that was added, with all that is in it")
        .option("--force", "do not ask")
        .action(async (ids: readonly string[], options: CacheRemoveOptions) =>
          (await changing()).removeFromCache(ids, options),
        ),
    )
    .addCommand(
      subcommand("set", "change limits, or move the cache")
        .option("--max-size <size>", "most that blocks may take, such as 20GiB", parseSize)
        .option("--max-percent <percent>", "the same, of the volume", parsePercent)
        .option("--max-age <time>", "how long segments are kept, such as 28d; 0s for ever", parseDuration)
        .option("--hash-max-size <size>", "most that hashes of published files may take", parseSize)
        .option("--move-to <dir>", "move the cache; name the new place with --cache-dir from then on")
        .action(async (options: CacheSetOptions, command: Command) =>
          (await changing()).setCache(options, globalsOf(command)),
        ),
    )
    .addCommand(
      subcommand("compact", "give space that is not used back to the disk").action(
        async (options: CacheOptions) => (await changing()).compactCache(options),
      ),
    )
    .addCommand(
      subcommand("clear", "remove all segments that are not pinned")
        .option("--tag <tag>", "only those with this tag; may be repeated", collect)
        .option("--pinned", "pinned ones too")
        .option("--hashes", "hashes of published files too")
        .option("--force", "do not ask")
        .action(async (options: CacheClearOptions) => (await changing()).clearCache(options)),
    )
    .addCommand(
      subcommand("verify", "read every block, and drop what is damaged").action(
        async (options: CacheOptions) => (await import("./verify-cache.ts")).verifyCache(options),
      ),
    )
    .addHelpText(
      "after",
      `
Examples:
  branchcache cache show
  branchcache cache set --max-size 50GiB --max-age 60d
  branchcache cache list --sort hits --json | head
  branchcache cache clear --tag preload --force

If a daemon uses this cache, these commands go through it; only root and the
daemon's user may change anything then. Commands that remove something ask
first on a terminal, and need --force elsewhere.
Exit status: 0 good, 1 failed or damage found, 2 usage.`,
    );
}

function subcommand(name: string, summary: string): Command {
  return addOptions(new Command(name).description(summary), [...cachePlaceOptions(), ...controlOptions()]);
}

function parsePercent(text: string): number {
  const percent = Number(text.replace(/\s*%$/, ""));
  if (!(percent > 0 && percent <= 100))
    throw new InvalidArgumentError("Not a percentage above 0, at most 100.");
  return percent;
}

const looking = () => import("./show-cache.ts");
const changing = () => import("./change-cache.ts");
