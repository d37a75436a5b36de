/** `cache verify`. */
import { BranchCacheError, toHex } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { print } from "../../terminal/output.ts";
import { amountBar } from "../../terminal/progress.ts";
import { stopSignal } from "../../terminal/stop-signals.ts";
import { formatBytes, formatCount, formatDuration } from "../../terminal/units.ts";
import { type CacheOptions, withCache } from "./with-cache.ts";

export async function verifyCache(options: CacheOptions): Promise<void> {
  const signal = stopSignal();
  await withCache(options, async ({ blocks, verify }) => {
    const { bytes: heldBytes } = await blocks.usage();
    const bar = amountBar();
    const startMs = systemClock.monotonicMs();
    const report = await verify(signal, (soFar) =>
      bar.update(soFar.bytes, heldBytes, formatCount(soFar.segments, "segment")),
    ).finally(() => bar.stop());
    const { segments, blocks: read, bytes, hashed, damaged } = report;
    const elapsedMs = Math.round(systemClock.monotonicMs() - startMs);
    print(
      options,
      {
        segments,
        blocks: read,
        bytes,
        hashed,
        elapsed_ms: elapsedMs,
        damaged: damaged.map(({ id, index, by }) => ({ id: toHex(id), block: index, by })),
      },
      [
        `${segments} segments, ${read} blocks, ${formatBytes(bytes)} in ${formatDuration(elapsedMs)}; ` +
          `${hashed} checked by their hash` +
          (hashed < read
            ? `, ${read - hashed} by their checksum alone: the key or the hashes are not here`
            : ""),
        ...damaged.map(({ id, index, by }) => `damaged and dropped: block ${index} of ${toHex(id)} (${by})`),
      ],
    );
    if (damaged.length > 0) {
      throw new BranchCacheError("BC_CACHE_DAMAGED", `${damaged.length} blocks were damaged`);
    }
  });
}
