/** `--config`, which every command of both programs takes. */
import { type Command, Option } from "commander";

export const configOption = (): Option =>
  new Option(
    "--config <file>",
    "settings; drop-ins lie in branchcache.d beside it (default: /etc/branchcache/branchcache.json for root and the service, ~/.config/branchcache/branchcache.json for others)",
  ).env("BRANCHCACHE_CONFIG");

export interface ConfigGlobals {
  readonly config?: string;
}

export function globalsOf(command: Command): ConfigGlobals {
  return command.optsWithGlobals();
}
