/** The command: a content server, a client, and all that an administrator does with the daemon. */
import { Command } from "commander";
import { cacheCommand } from "../commands/cache.ts";
import { configCommand } from "../commands/config.ts";
import { demoCommand } from "../commands/demo.ts";
import { doctorCommand } from "../commands/doctor.ts";
import { disableCommand, enableCommand } from "../commands/enable.ts";
import { exportCommand } from "../commands/export.ts";
import { gatewayCommand } from "../commands/gateway.ts";
import { getCommand } from "../commands/get.ts";
import { hostedCommand } from "../commands/hosted.ts";
import { importCommand } from "../commands/import.ts";
import { infoCommand } from "../commands/info.ts";
import { keyCommand } from "../commands/key.ts";
import { publishCommand } from "../commands/publish.ts";
import { resetCommand } from "../commands/reset.ts";
import { serveCommand } from "../commands/serve.ts";
import { statusCommand } from "../commands/status.ts";
import { eventsCommand, peersCommand, probeCommand, statsCommand } from "../commands/watch.ts";
import { configOption } from "../config/setting-option.ts";
import { version } from "../version.ts";

export function branchcacheProgram(): Command {
  return new Command("branchcache")
    .description(
      "BranchCache for every platform: the machines of an office fetch content from each other " +
        "rather than across the WAN. The daemon is branchcached.",
    )
    .version(version)
    .addOption(configOption())
    .addCommand(serveCommand())
    .addCommand(gatewayCommand())
    .addCommand(getCommand())
    .addCommand(publishCommand())
    .addCommand(infoCommand())
    .addCommand(cacheCommand())
    .addCommand(exportCommand())
    .addCommand(importCommand())
    .addCommand(statusCommand())
    .addCommand(enableCommand())
    .addCommand(disableCommand())
    .addCommand(configCommand())
    .addCommand(hostedCommand())
    .addCommand(keyCommand())
    .addCommand(peersCommand())
    .addCommand(probeCommand())
    .addCommand(statsCommand())
    .addCommand(eventsCommand())
    .addCommand(doctorCommand())
    .addCommand(resetCommand())
    .addCommand(demoCommand());
}
