/**
 * A process of its own that writes to a store: `node writer-process.mjs PATH LIMIT FIRST COUNT`. Writes COUNT
 * segments from number FIRST on, tells `put N` for each and `flushed N` now and then; with COUNT `forever`
 * it goes on until it is killed. Runs on the built package, like any other user of it.
 */
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { systemClock } from "@branchcache/runtime/node";
import { BLOCKS, sealedBlock, segmentOf } from "./content.mjs";

const [path, limit, first, count] = process.argv.slice(2);
const stores = await openLmdbStore({ path, limitBytes: Number(limit), clock: systemClock });
const end = count === "forever" ? Number.POSITIVE_INFINITY : Number(first) + Number(count);
for (let n = Number(first); n < end; n++) {
  for (let index = 0; index < BLOCKS; index++) {
    const result = await stores.blocks.putBlock(segmentOf(n), index, sealedBlock(n, index));
    if (result === "full") throw new Error("full");
  }
  process.stdout.write(`put ${n}\n`);
  if (n % 8 === 7) {
    await stores.blocks.flush();
    process.stdout.write(`flushed ${n}\n`);
  }
}
await stores.blocks.flush();
await stores.close();
process.stdout.write("done\n");
