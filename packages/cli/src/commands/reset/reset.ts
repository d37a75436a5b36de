import { settingKeys } from "../../config/keys.ts";
import { resolveConfig } from "../../config/resolve.ts";
import { ControlClient } from "../../control/client.ts";
import { firewallRules, openings } from "../../doctor/firewall-rules.ts";
import type { ConfigGlobals } from "../../options/config-option.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import { confirm } from "../../terminal/confirm.ts";
import { print } from "../../terminal/output.ts";
import { writeConfig } from "../config/change-config.ts";
import { followConfig } from "../config/follow-config.ts";

export interface ResetOptions extends ControlOptions {
  readonly metrics?: true;
  readonly firewall?: true;
  readonly force?: true;
}

export async function runReset(options: ResetOptions, globals: ConfigGlobals): Promise<void> {
  const { metrics, firewall, force, controlSocket } = options;
  if (firewall) {
    const { settings } = await resolveConfig({ configFile: globals.config });
    const rules = firewallRules(openings(settings));
    print(
      options,
      rules,
      Object.entries(rules).flatMap(([name, lines]) => [`# ${name}`, ...lines, ""]),
    );
    return;
  }
  await confirm(
    metrics ? "This zeroes all counters and totals" : "This clears the cache and all settings",
    force,
  );
  await using daemon = await ControlClient.connect(controlSocket);
  if (metrics) {
    await daemon.request("reset", { metrics: true });
    print(options, { metrics: true }, ["Counters and totals are zero."]);
    return;
  }
  const { segments } = await daemon.request<{ readonly segments: number }>("reset", {
    metrics: true,
    cache: true,
  });
  const { file } = await writeConfig(new Map(settingKeys.map(({ key }) => [key, undefined])), globals);
  await followConfig(controlSocket, file);
  print(options, { segments, file }, [
    `${segments} segments removed, the counters are zero, and ${file} has no settings: BranchCache is off.`,
    "branchcache enable distributed switches it on again.",
  ]);
}
