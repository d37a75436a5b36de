/** What the commands of all profiles share: options, the run, the report. */
import { writeFile } from "node:fs/promises";
import { type Random, randomInteger } from "@branchcache/runtime";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Level, Profile } from "../kit/check.ts";
import { conforms, type Report } from "../kit/report.ts";
import { runProfile, selectChecks } from "../kit/run.ts";
import { seededRandom } from "../kit/seeded-random.ts";
import { htmlReport } from "../report/html.ts";
import { jsonReport } from "../report/json.ts";
import { junitReport } from "../report/junit.ts";
import { listText, resultText, summaryText, textReport } from "../report/text.ts";
import { version } from "../version.ts";
import { exitCode } from "./exit-code.ts";

export interface RunCommandOptions {
  readonly only?: readonly string[];
  readonly list?: boolean;
  readonly seed?: number;
  readonly format: "text" | "json" | "junit" | "html";
  readonly output?: string;
  readonly level: Level;
  readonly timeout: number;
}

const FORMATS = { text: textReport, json: jsonReport, junit: junitReport, html: htmlReport };

export interface RunDefaults {
  /** Default 5,000. */
  readonly timeoutMs?: number;
  /** What `--timeout` is about. Default: how long an answer may take. */
  readonly timeoutOf?: string;
}

export function addRunOptions(command: Command, defaults: RunDefaults = {}): Command {
  const { timeoutMs = 5_000, timeoutOf = "how long an answer may take" } = defaults;
  return command
    .option("--only <ids...>", "only these checks, by their own ids or by those of rules (PCCRR-54)")
    .option("--list", "print the checks instead of running them")
    .option(
      "--seed <n>",
      "choose by this number what is chosen by chance; stands in the report",
      parseWholeNumber,
    )
    .addOption(new Option("--format <format>", "of the report").choices(Object.keys(FORMATS)).default("text"))
    .option("--output <file>", "write the report there; standard error gets the summary")
    .option("--timeout <ms>", `${timeoutOf}, in milliseconds`, parseWholeNumber, timeoutMs)
    .addOption(
      new Option("--level <level>", "what has to be kept for exit status 0; SHOULD takes in MUST")
        .choices(["MUST", "SHOULD"])
        .default("MUST"),
    )
    .addHelpText(
      "after",
      `
Every check names the rules of protocol-specs that it shows, and in a failure
what was sent, what came and what should have come. Checks that pass because
something does not come count only if a plain exchange works right after.
Nothing floods the target: one exchange at a time.

Exit status:
  0  conforms: no rule of the level is broken or in doubt
  1  does not conform
  2  usage
  3  the target cannot be reached, or does not manage a plain exchange`,
    );
}

/** Parses the value of an option for commander. */
export function parseWholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("Not a whole number from 0.");
  return value;
}

/**
 * Runs the checks against the target that `open` makes, which is disposed of afterwards, writes the report and
 * sets the exit code. Errors: those of `open` and `runProfile`; `commander.invalidArgument` without a target.
 */
export async function runCommand<T extends object>(
  command: Command,
  profile: Profile<T>,
  targetName: string | undefined,
  open: (targetName: string, random: Random) => Promise<T & Partial<AsyncDisposable>>,
): Promise<void> {
  const options = command.opts<RunCommandOptions>();
  if (options.list) {
    process.stdout.write(listText(selectChecks(profile, options.only)));
    return;
  }
  if (targetName === undefined) command.error(`error: missing required argument 'target'`);
  selectChecks(profile, options.only);
  const seed = options.seed ?? randomInteger(systemRandom, 0, 2 ** 32 - 1);
  const streamed = options.format === "text" && options.output === undefined;
  const target = await open(targetName, seededRandom(seed));
  let report: Report;
  try {
    report = await runProfile(profile, target, {
      targetName,
      seed,
      version,
      clock: systemClock,
      ...(options.only && { only: options.only }),
      ...(streamed && { onResult: (result) => process.stdout.write(`${resultText(result)}\n`) }),
    });
  } finally {
    await target[Symbol.asyncDispose]?.();
  }
  if (streamed) process.stdout.write(`\n${summaryText(report)}\n`);
  else if (options.output === undefined) process.stdout.write(FORMATS[options.format](report));
  else {
    await writeFile(options.output, FORMATS[options.format](report));
    process.stderr.write(`${summaryText(report)}\n`);
  }
  process.exitCode = conforms(report, options.level) ? exitCode.conforms : exitCode.doesNotConform;
}
