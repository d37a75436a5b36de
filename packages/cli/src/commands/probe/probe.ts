import { BranchCacheError, fromHex, toHex } from "@branchcache/runtime";
import { ControlClient } from "../../control/client.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import { print } from "../../terminal/output.ts";
import { table } from "../../terminal/table.ts";
import { readSource } from "../info/source.ts";

interface ProbeItem {
  readonly peer: string;
  readonly addresses: readonly string[];
  readonly version: number;
  readonly segments: readonly { readonly id: string; readonly complete: boolean }[];
}

/** Errors: `BC_NOBODY` when no neighbour holds any of it. */
export async function runProbe(what: string, options: ControlOptions): Promise<void> {
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
