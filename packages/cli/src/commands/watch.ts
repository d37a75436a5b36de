/** Commands that look at the daemon: stats, events, peers, probe. */
import { Command, Option } from "commander";
import { parseCount } from "../option-values.ts";
import type { EventsOptions, ProbeOptions, StatsOptions } from "../work/watch.ts";
import { addControlOptions, type ControlOptions, EXIT_STATUS } from "./control-options.ts";

export function statsCommand(): Command {
  return addControlOptions(
    new Command("stats")
      .summary("what did not cross the WAN, and where bytes came from")
      .description("Prints what did not cross the WAN first, then bytes by source, then all counters.")
      .option("--watch", "print again every two seconds")
      .option("--all", "every counter"),
  )
    .addHelpText("after", `\nExamples:\n  branchcache stats\n  branchcache stats --watch\n\n${EXIT_STATUS}`)
    .action(async (options: StatsOptions) => (await work()).runStats(options));
}

export function eventsCommand(): Command {
  return addControlOptions(
    new Command("events")
      .summary("what happened lately, and what happens")
      .description(
        "Prints the latest events of the daemon; with --follow, each as it comes, traces of single blocks too.",
      )
      .option("-f, --follow", "go on until interrupted")
      .addOption(new Option("-n, --lines <count>", "of the latest").argParser(parseCount).default(20)),
  )
    .addHelpText(
      "after",
      `\nExamples:\n  branchcache events -n 100\n  branchcache events --follow --json\n\n${EXIT_STATUS}`,
    )
    .action(async (options: EventsOptions) => (await work()).runEvents(options));
}

export function peersCommand(): Command {
  return addControlOptions(
    new Command("peers")
      .summary("who gave something lately, how fast, and who is left alone")
      .description("Lists the peers that gave or failed since the daemon started, most recent first."),
  )
    .addHelpText("after", `\nExample:\n  branchcache peers\n\n${EXIT_STATUS}`)
    .action(async (options: ControlOptions) => (await work()).runPeers(options));
}

export function probeCommand(): Command {
  return addControlOptions(
    new Command("probe")
      .summary("ask the link who has a segment")
      .description(
        "Asks the neighbours who holds a segment, by its identifier, or the segments that a saved Content Information " +
          "or the Content Information of a URL describes.",
      )
      .argument("<segment|file|url>", "hexadecimal identifier, a file with Content Information, or a URL"),
  )
    .addHelpText(
      "after",
      `
Examples:
  branchcache probe http://intranet/images/boot.wim
  branchcache probe saved.ci

Exit status: 0 somebody answered, 1 nobody did, 2 wrong usage, 3 the daemon is
not reachable.`,
    )
    .action(async (what: string, options: ProbeOptions) => (await work()).runProbe(what, options));
}

const work = () => import("../work/watch.ts");
