import { systemClock } from "@branchcache/runtime/node";
import { ControlClient } from "../../control/client.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import type { PeerNote } from "../../telemetry/peer-book.ts";
import { print } from "../../terminal/output.ts";
import { table } from "../../terminal/table.ts";
import { formatBytes, formatDuration, formatRate } from "../../terminal/units.ts";

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
