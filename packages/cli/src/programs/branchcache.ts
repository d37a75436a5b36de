/** The command: a content server, a client, and all that an administrator does with the daemon. */
import { Command } from "commander";
import { cacheCommand } from "../commands/cache/cache-command.ts";
import { configCommand } from "../commands/config/config-command.ts";
import { demoCommand } from "../commands/demo/demo-command.ts";
import { disableCommand } from "../commands/disable/disable-command.ts";
import { doctorCommand } from "../commands/doctor/doctor-command.ts";
import { enableCommand } from "../commands/enable/enable-command.ts";
import { eventsCommand } from "../commands/events/events-command.ts";
import { exportCommand } from "../commands/export/export-command.ts";
import { gatewayCommand } from "../commands/gateway/gateway-command.ts";
import { getCommand } from "../commands/get/get-command.ts";
import { hostedCommand } from "../commands/hosted/hosted-command.ts";
import { importCommand } from "../commands/import/import-command.ts";
import { infoCommand } from "../commands/info/info-command.ts";
import { keyCommand } from "../commands/key/key-command.ts";
import { peersCommand } from "../commands/peers/peers-command.ts";
import { probeCommand } from "../commands/probe/probe-command.ts";
import { publishCommand } from "../commands/publish/publish-command.ts";
import { resetCommand } from "../commands/reset/reset-command.ts";
import { serveCommand } from "../commands/serve/serve-command.ts";
import { statsCommand } from "../commands/stats/stats-command.ts";
import { statusCommand } from "../commands/status/status-command.ts";
import { configOption } from "../options/config-option.ts";
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
