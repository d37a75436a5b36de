import { BranchCacheError, errorCode } from "@branchcache/runtime";
import { originText } from "../../config/layers.ts";
import type { Mode } from "../../config/schema.ts";
import type { ConfigGlobals } from "../../options/config-option.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import { print } from "../../terminal/output.ts";
import { writeConfig } from "../config/change-config.ts";
import { followConfig } from "../config/follow-config.ts";

export interface EnableOptions extends ControlOptions {
  readonly mode: Mode;
  readonly preset?: number;
  readonly server?: readonly string[];
  readonly discover?: true;
  readonly offerVersion?: "1" | "2";
  readonly announce?: true;
}

/** Errors: `BC_CONFIG`, `BC_CONFIG_WRITE`; `BC_DAEMON_UNREACHABLE` when all was written and printed and nobody follows. */
export async function runEnable(options: EnableOptions, globals: ConfigGlobals): Promise<void> {
  const { mode, preset, server, discover, offerVersion } = options;
  const changes = new Map<string, unknown>([["mode", mode]]);
  if (preset !== undefined) changes.set("peer.listen_port", preset);
  if (server !== undefined) changes.set("hosted_client.servers", server);
  if (discover) changes.set("hosted_client.discover", true);
  if (offerVersion !== undefined) changes.set("hosted_client.offer_version", Number(offerVersion));
  const { file, config } = await writeConfig(changes, globals);
  const { settings, written } = config;
  if (settings.mode !== mode) {
    const origin = written.get("mode")?.origin;
    throw new BranchCacheError(
      "BC_OVERRULED",
      `mode is ${settings.mode} all the same: ${origin && originText(origin)} overrules ${file}`,
    );
  }
  const announced = options.announce
    ? await (await import("../hosted/hosted.ts")).announcement({}, globals)
    : undefined;
  const told = announced === undefined ? {} : { announcement: announced.parts };
  const text = announced === undefined ? [] : [announced.text.trimEnd()];
  try {
    const { keys } = await followConfig(options.controlSocket, file);
    print(options, { mode, file, daemon: true, changed: keys, ...told }, [
      `BranchCache is ${mode === "disabled" ? "off" : `on: ${mode}`}. Written to ${file}`,
      ...text,
    ]);
  } catch (error) {
    if (errorCode(error) !== "BC_DAEMON_UNREACHABLE") throw error;
    // What was written holds all the same, and so does what points clients here.
    print(options, { mode, file, daemon: false, changed: [], ...told }, text);
    throw new BranchCacheError(
      "BC_DAEMON_UNREACHABLE",
      `mode is ${mode} in ${file}, but no daemon runs: systemctl enable --now branchcached, or start branchcached`,
      { cause: error },
    );
  }
}
