import { BranchCacheError, fromHex, toHex } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import type { ControlOptions } from "../commands/control-options.ts";
import { ControlClient } from "../control/client.ts";
import type { EventItem } from "../daemon/control-methods.ts";
import type { Statistics } from "../daemon/statistics.ts";
import { readSource } from "../info/source.ts";
import { pairs, print } from "../output.ts";
import { aborted, stopSignal } from "../stop-signals.ts";
import { table } from "../table.ts";
import { SOURCES } from "../telemetry/history.ts";
import type { PeerNote } from "../telemetry/peer-book.ts";
import { formatBytes, formatDuration, formatRate, formatShare } from "../units.ts";

export interface StatsOptions extends ControlOptions {
  readonly watch?: true;
  readonly all?: true;
}

export interface EventsOptions extends ControlOptions {
  readonly follow?: true;
  readonly lines: number;
}

export type ProbeOptions = ControlOptions;

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

export async function runEvents({ follow, lines, controlSocket, json }: EventsOptions): Promise<void> {
  await using daemon = await ControlClient.connect(controlSocket);
  const show = (item: unknown) => {
    process.stdout.write(`${json ? JSON.stringify(item) : eventLine(item as EventItem)}\n`);
  };
  const done = daemon.request("events", { max: Math.min(lines, 1_000), follow: follow === true }, show);
  if (!follow) await done;
  else {
    const signal = stopSignal();
    await Promise.race([done, aborted(signal)]);
  }
}

function eventLine({ time, level, event, ...fields }: EventItem): string {
  const text = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(
      ([name, value]) =>
        `${name}=${/[\s"=]/.test(String(value)) ? JSON.stringify(String(value)) : String(value)}`,
    );
  return [time, level.padEnd(5), event, ...text].join(" ");
}

export async function runPeers(options: ControlOptions): Promise<void> {
  await using daemon = await ControlClient.connect(options.controlSocket);
  const peers = await daemon.request<readonly PeerNote[]>("peers");
  const nowMs = systemClock.wallMs();
  const json = peers.map((peer) => ({
    id: peer.id,
    kind: peer.kind,
    address: peer.address ?? null,
    bytes: peer.bytes,
    blocks: peer.blocks,
    bytes_per_second: peer.bytesPerSecond,
    failures: peer.failures,
    last: new Date(peer.lastMs).toISOString(),
    quarantined_until: peer.quarantinedUntilMs ? new Date(peer.quarantinedUntilMs).toISOString() : null,
    quarantine_reason: peer.quarantineReason ?? null,
  }));
  const rows = peers.map((peer) => [
    peer.address ?? peer.id,
    peer.kind,
    formatBytes(peer.bytes),
    formatRate(peer.bytesPerSecond, 1_000),
    String(peer.failures),
    `${formatDuration(nowMs - peer.lastMs)} ago`,
    peer.quarantinedUntilMs ? `left alone for ${formatDuration(peer.quarantinedUntilMs - nowMs)}` : "",
  ]);
  print(options, json, [
    rows.length === 0
      ? "No peer gave anything since the daemon started."
      : table(["peer", "kind", "gave", "rate", "failures", "last", "state"], rows),
  ]);
}

interface ProbeItem {
  readonly peer: string;
  readonly addresses: readonly string[];
  readonly version: number;
  readonly segments: readonly { readonly id: string; readonly complete: boolean }[];
}

/** Errors: `BC_NOBODY` when no neighbour holds any of it. */
export async function runProbe(what: string, options: ProbeOptions): Promise<void> {
  const segments = await segmentIds(what);
  await using daemon = await ControlClient.connect(options.controlSocket);
  const found = new Map<string, ProbeItem>();
  await daemon.request("probe", { segments: segments.slice(0, PROBED_MAX) }, (item) => {
    const match = item as ProbeItem;
    found.set(match.peer, match);
  });
  const peers = [...found.values()];
  print(options, { segments: segments.length, asked: Math.min(segments.length, PROBED_MAX), peers }, [
    `Asked about ${Math.min(segments.length, PROBED_MAX)} of ${segments.length} segments.`,
    ...(peers.length === 0
      ? []
      : [
          table(
            ["peer", "has", "of it whole"],
            peers.map(({ addresses, peer, segments: held }) => [
              addresses[0] ?? peer,
              String(held.length),
              String(held.filter(({ complete }) => complete).length),
            ]),
          ),
        ]),
  ]);
  if (peers.length === 0) throw new BranchCacheError("BC_NOBODY", "no neighbour has any of it");
}

const PROBED_MAX = 100;

async function segmentIds(what: string): Promise<readonly string[]> {
  if (/^(?:[0-9a-fA-F]{2}){16,128}$/.test(what) && fromHex(what)) return [what];
  const { content } = await readSource(what, 2);
  return content.segments.map(({ id }) => toHex(id));
}
