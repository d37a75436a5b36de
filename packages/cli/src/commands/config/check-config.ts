/** `config check`. */
import { stat } from "node:fs/promises";
import { isAnswered } from "@branchcache/peer-node/socket";
import { BranchCacheError, errorCode, errorMessage } from "@branchcache/runtime";
import { type ResolvedConfig, resolveConfig } from "../../config/resolve.ts";
import { isMatterOfRights } from "../../config/setting-error.ts";
import { controlSocketBeside } from "../../files/paths.ts";
import type { ConfigGlobals } from "../../options/config-option.ts";
import { complain, type OutputOptions, print, printLines } from "../../terminal/output.ts";

export interface ConfigCheckOptions extends OutputOptions {
  /** Look at nothing but the settings: they are meant for another machine. */
  readonly settingsOnly?: true;
}

/** Errors: `BC_CONFIG`, and `BC_START` where the settings are accepted and the daemon would not start here. */
export async function checkConfig(
  file: string | undefined,
  options: ConfigCheckOptions,
  { config: configFile }: ConfigGlobals,
): Promise<void> {
  const tell = (accepted: boolean, warnings: readonly string[], errors: readonly string[], name?: string) => {
    print(
      options,
      { accepted, file: name ?? null, warnings, errors },
      warnings.map((warning) => `warning: ${warning}`),
    );
  };
  let config: ResolvedConfig;
  try {
    config = await resolveConfig({ configFile: file ?? configFile });
  } catch (error) {
    tell(false, [], errorMessage(error).split("\n"));
    throw error;
  }
  const problems = options.settingsOnly ? [] : await problemsHere(config);
  // The daemon may run as somebody else.
  const doubtful = problems.filter((error) => isMatterOfRights(error));
  const certain = problems.filter((error) => !isMatterOfRights(error));
  const warnings = [
    ...config.warnings,
    ...doubtful.map((error) => `a daemon of this user would say: ${errorMessage(error)}`),
  ];
  const errors = certain.map((error) => `${errorMessage(error)} (${errorCode(error)})`);
  const name = config.files?.file;
  tell(errors.length === 0, warnings, errors, name);
  if (errors.length > 0) {
    for (const text of errors) complain(text);
    throw new BranchCacheError("BC_START", "the daemon would not start here");
  }
  const isThere = name === undefined || (await stat(name).catch(() => undefined));
  if (!options.json)
    printLines([`${name ?? "settings"}: ${isThere ? "" : "not there; the rest is "}accepted`]);
}

async function problemsHere(config: ResolvedConfig): Promise<readonly Error[]> {
  const { api, control } = config.settings;
  const { startProblems } = await import("../../doctor/start-problems.ts");
  const daemonRuns = await isAnswered(control.socket ?? controlSocketBeside(api.socket));
  return startProblems(config, { daemonRuns });
}
