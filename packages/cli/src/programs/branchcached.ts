/** The daemon's options. */
import { Command, Option } from "commander";
import type { DaemonOptions } from "../daemon/run-daemon.ts";
import { configOption } from "../options/config-option.ts";
import { collect } from "../options/option-values.ts";
import { SettingOption, settingFlags } from "../options/setting-option.ts";
import {
  cacheDirOption,
  cacheSizeOption,
  discoveryPortOption,
  discoveryWaitOption,
  interfaceOption,
  logFormatOption,
  logLevelOption,
  secretFileOption,
  stopAtEofOption,
} from "../options/shared-options.ts";
import { version } from "../version.ts";

export function branchcachedProgram(): Command {
  return new Command("branchcached")
    .description("The BranchCache daemon: keeps a cache, finds peers on the link and serves them.")
    .version(version)
    .addOption(configOption())
    .addOption(new SettingOption("--mode <mode>", "mode"))
    .addOption(
      new Option(
        "--listen <[host:]port>",
        "where peers fetch blocks: peer.listen_address and peer.listen_port; without a mode anywhere, also mode distributed",
      ),
    )
    .addOption(
      new Option("--preset <port>", "a common unprivileged layout: peers fetch from this port")
        .choices(["1337"])
        .conflicts("listen"),
    )
    .addOption(new SettingOption("--max-uploads <n>", "peer.max_uploads"))
    .addOption(new SettingOption("--workers <n>", "peer.workers"))
    .addOption(new SettingOption("--socket <path>", "api.socket"))
    .addOption(secretFileOption())
    .addOption(cacheDirOption())
    .addOption(cacheSizeOption())
    .addOption(interfaceOption())
    .addOption(discoveryPortOption())
    .addOption(discoveryWaitOption())
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .addOption(stopAtEofOption())
    .option("--set <key=value>", "any setting, as in the configuration file; may be repeated", collect)
    .addHelpText(
      "after",
      `
Settings come from the configuration file, its drop-ins, the environment and
these options; later ones win. \`branchcache config show --origin\` says which
value holds and where it comes from. The daemon runs in the foreground, logs to
standard error, reads its settings again on SIGHUP and stops cleanly on SIGTERM
or SIGINT. Open UDP 3702 and the listening port to the link.

Examples:
  branchcached --mode distributed            as root, on port 80
  branchcached --listen 1337                 as anybody
  branchcached --listen 127.0.0.1:0 --interface 127.0.0.1    trying it on one machine
  branchcached --set cache.max_age=60d --set discovery.republish_quorum=100

Exit status: 0 stopped as asked, 1 failed, 2 wrong options or settings.`,
    )
    .action(async (options: DaemonOptions, command: Command) => {
      const { runDaemon } = await import("../daemon/run-daemon.ts");
      await runDaemon(options, settingFlags(command));
    });
}
