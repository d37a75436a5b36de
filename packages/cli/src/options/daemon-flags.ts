/** The daemon's options as one layer of settings. */
import type { ListenAddress } from "@branchcache/peer-node";
import { BranchCacheError, errorMessage } from "@branchcache/runtime";
import { readTyped } from "../config/keys.ts";
import type { SettingFlags } from "../config/layers.ts";
import { settingNamed } from "../config/named-setting.ts";
import { resolveConfig } from "../config/resolve.ts";
import { parseListen } from "./option-values.ts";

export interface DaemonFlags {
  readonly configFile: string | undefined;
  /** Options that are settings themselves. */
  readonly given: SettingFlags;
  /** `[host:]port`. */
  readonly listen?: string;
  readonly preset?: string;
  /** Each `key=value`. */
  readonly set?: readonly string[];
}

/** Errors: `BC_CONFIG`, `BC_USAGE`. */
export async function daemonFlags({
  configFile,
  given,
  listen,
  preset,
  set,
}: DaemonFlags): Promise<SettingFlags> {
  const flags = new Map(given);
  for (const text of set ?? []) {
    const { key, value } = readAssignment(text);
    flags.set(key, { flag: "--set", value });
  }
  if (preset !== undefined) {
    flags.set("peer.listen_port", { flag: "--preset", value: Number(preset) });
  }
  if (listen !== undefined) {
    const { host, port } = readListen(listen);
    flags.set("peer.listen_port", { flag: "--listen", value: port });
    if (host !== undefined) flags.set("peer.listen_address", { flag: "--listen", value: host });
  }
  // A port to serve on means serving, unless a mode is set somewhere.
  if ((listen ?? preset) !== undefined && !flags.has("mode")) {
    const { written } = await resolveConfig({ configFile, flags });
    if (written.get("mode")?.origin.kind === "default") {
      flags.set("mode", { flag: listen === undefined ? "--preset" : "--listen", value: "distributed" });
    }
  }
  return flags;
}

/** `key=value`, typed. Errors: `BC_USAGE`. */
function readAssignment(text: string): { readonly key: string; readonly value: unknown } {
  const at = text.indexOf("=");
  if (at < 1) throw new BranchCacheError("BC_USAGE", `${text}: give it as key=value`);
  const key = text.slice(0, at).trim();
  return { key, value: readTyped(settingNamed(key), text.slice(at + 1).trim()) };
}

function readListen(text: string): ListenAddress {
  try {
    return parseListen(text);
  } catch (error) {
    throw new BranchCacheError("BC_USAGE", `--listen: ${errorMessage(error)}`, { cause: error });
  }
}
