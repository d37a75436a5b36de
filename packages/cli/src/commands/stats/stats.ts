import { systemClock } from "@branchcache/runtime/node";
import { ControlClient } from "../../control/client.ts";
import type { Statistics } from "../../daemon/statistics.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import { SOURCES } from "../../telemetry/history.ts";
import { pairs, print } from "../../terminal/output.ts";
import { stopSignal } from "../../terminal/stop-signals.ts";
import { table } from "../../terminal/table.ts";
import { formatBytes, formatRate, formatShare } from "../../terminal/units.ts";

export interface StatsOptions extends ControlOptions {
  readonly watch?: true;
  readonly all?: true;
}

const WATCH_EVERY_MS = 2_000;

export async function runStats(options: StatsOptions): Promise<void> {
  await using daemon = await ControlClient.connect(options.controlSocket);
  const show = async () => {
    const statistics = await daemon.request<Statistics>("stats");
    print(options, statistics, statsLines(statistics, options.all === true));
  };
  await show();
  if (!options.watch) return;
  const signal = stopSignal();
  while (!signal.aborted) {
    await systemClock.sleep(WATCH_EVERY_MS, signal).catch(() => {});
    if (signal.aborted) return;
    // On a terminal the figures stay in their place; in a file each look is a paragraph.
    if (!options.json) process.stdout.write(process.stdout.isTTY ? "\u001b[H\u001b[J" : "\n");
    await show();
  }
}

function statsLines({ today, all, rates, counters }: Statistics, everything: boolean): readonly string[] {
  const sum = (by: Statistics["all"]["bytes"]) => SOURCES.reduce((total, source) => total + by[source], 0);
  const lines = [
    `${formatBytes(today.wan_saved_bytes)} did not cross the WAN today, ${formatBytes(all.wan_saved_bytes)} in all.`,
    "",
    table(
      ["from", "now", "today", "", "in all", ""],
      SOURCES.map((source) => [
        source === "local" ? "own cache" : source,
        formatRate(rates[source] ?? 0, 1_000),
        formatBytes(today.bytes[source]),
        formatShare(today.bytes[source], sum(today.bytes)),
        formatBytes(all.bytes[source]),
        formatShare(all.bytes[source], sum(all.bytes)),
      ]),
    ),
    "",
    `Served ${formatBytes(today.served_bytes)} to others today, ${formatBytes(all.served_bytes)} in all.`,
  ];
  if (all.content_server_saved_bytes > 0) {
    lines.push(
      `Clients of the content server spared it ${formatBytes(today.content_server_saved_bytes)} today, ` +
        `${formatBytes(all.content_server_saved_bytes)} in all.`,
    );
  }
  const rows = Object.entries(counters).flatMap(([metric, values]) =>
    Object.entries(values ?? {}).map(([label, value]) => [`${metric} ${label}`, String(value)] as const),
  );
  const interesting = rows.filter(([, value]) => everything || value !== "0");
  if (interesting.length > 0) lines.push("", ...pairs(interesting));
  return lines;
}
