import type { SettingFlags } from "../config/layers.ts";
import { daemonFlags } from "../options/daemon-flags.ts";
import { aborted, type StopOptions, stopSignal } from "../terminal/stop-signals.ts";
import { Daemon } from "./daemon.ts";
import { serviceManager } from "./service-manager.ts";

export interface DaemonOptions extends StopOptions {
  readonly config?: string;
  readonly listen?: string;
  readonly preset?: string;
  readonly set?: readonly string[];
}

export async function runDaemon({ config, ...options }: DaemonOptions, given: SettingFlags): Promise<void> {
  const signal = stopSignal(options);
  const flags = await daemonFlags({ configFile: config, ...options, given });
  const manager = serviceManager();
  await using daemon = await Daemon.start({ configFile: config, flags });
  await manager.say("READY=1", `STATUS=${daemon.settings.mode}`);
  process.on("SIGHUP", () => {
    // The daemon has reported it as `config.rejected`.
    const read = daemon.reload().catch(() => {});
    void read.then(() => manager.say(`STATUS=${daemon.settings.mode}`));
  });
  await aborted(signal);
  const { observer } = daemon;
  observer.event("info", "service.stopping");
  const { stop_timeout: graceMs } = daemon.settings.api;
  await manager.say("STOPPING=1", `EXTEND_TIMEOUT_USEC=${(graceMs + CLOSING_MS) * 1_000}`);
  await daemon.close(graceMs);
  observer.event("info", "service.stopped");
}

/** How long closing the cache may take, once everything else has ended. */
const CLOSING_MS = 10_000;
