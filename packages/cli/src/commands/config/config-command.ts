import { Command } from "commander";
import { addOptions } from "../../options/add-options.ts";
import { globalsOf } from "../../options/config-option.ts";
import { type ControlOptions, controlOptions } from "../../options/control-options.ts";
import type { ConfigCheckOptions } from "./check-config.ts";
import type { ConfigShowOptions } from "./show-config.ts";

export function configCommand(): Command {
  return new Command("config")
    .summary("show, check and change settings")
    .description(
      "Settings come from the configuration file, the drop-ins in branchcache.d beside it (in the order of their " +
        "names), BRANCHCACHE_<KEY> in the environment, and options of the command line; the later ones win.",
    )
    .addCommand(
      new Command("show")
        .description("print settings and what they are")
        .argument("[key...]", "these only, or sections such as peer")
        .option("--origin", "say where each value comes from")
        .option("--set-only", "leave out what has its default")
        .option("--as-commands", "print a command that sets the same elsewhere")
        .option("--json", "print JSON")
        .action(async (keys: readonly string[], options: ConfigShowOptions, command: Command) =>
          (await showing()).showConfig(keys, options, globalsOf(command)),
        ),
    )
    .addCommand(
      new Command("get")
        .description("print the value of one setting")
        .argument("<key>", "such as peer.listen_port")
        .option("--json", "print JSON, with its origin")
        .action(async (key: string, options: { json?: true }, command: Command) =>
          (await showing()).getConfig(key, options, globalsOf(command)),
        ),
    )
    .addCommand(
      addOptions(
        new Command("set")
          .description("write settings into the configuration file, and have the daemon follow")
          .argument("<key>", "such as peer.listen_port")
          .argument("<value>", "as in the file; lists with commas or as JSON")
          .argument("[more...]", "further keys and values, for settings that need each other"),
        controlOptions(),
      ).action(
        async (
          key: string,
          value: string,
          more: readonly string[],
          options: ControlOptions,
          command: Command,
        ) => (await changing()).setConfig([key, value, ...more], options, globalsOf(command)),
      ),
    )
    .addCommand(
      addOptions(
        new Command("unset")
          .description("take settings out of the configuration file, and have the daemon follow")
          .argument("<key...>", "such as peer.listen_port"),
        controlOptions(),
      ).action(async (keys: readonly string[], options: ControlOptions, command: Command) =>
        (await changing()).unsetConfig(keys, options, globalsOf(command)),
      ),
    )
    .addCommand(
      new Command("check")
        .description(
          "say whether the daemon would accept the settings and start with them on this machine: " +
            "files, directories, sockets and ports that they name are looked at as well",
        )
        .argument("[file]", "another configuration file")
        .option("--settings-only", "look at the settings alone: they are meant for another machine")
        .option("--json", "print JSON")
        .action(async (file: string | undefined, options: ConfigCheckOptions, command: Command) =>
          (await import("./check-config.ts")).checkConfig(file, options, globalsOf(command)),
        ),
    )
    .addCommand(
      new Command("schema")
        .description("print the JSON Schema of the configuration file")
        .action(async () => (await showing()).printSchema()),
    )
    .addHelpText(
      "after",
      `
Examples:
  branchcache config show --origin
  branchcache config show peer
  branchcache config set cache.max_age 60d
  branchcache config set hosted_server.cert /etc/ssl/cache.pem hosted_server.key /etc/ssl/private/cache.key
  branchcache config check /etc/branchcache/branchcache.json
  branchcache config schema > branchcache.schema.json

Exit status: 0 good, 1 failed, or the daemon would not start here, 2 wrong usage
or settings that are not accepted.`,
    );
}

const showing = () => import("./show-config.ts");
const changing = () => import("./change-config.ts");
