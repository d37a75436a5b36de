/**
 * A process of its own that reads all of a store: `node reader-process.mjs PATH [zero]`. Tells `event NAME` for each event
 * of level error, then `read N` with the number of blocks, or `failed CODE`. With `zero` it overwrites all of the data
 * file but its meta pages, once the store is open. Runs on the built package.
 */
import { open, stat } from "node:fs/promises";
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { silentObserver } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";

const META_BYTES = 2 * 4096;
const [path, damage] = process.argv.slice(2);
const observer = {
  ...silentObserver,
  event(level, name) {
    if (level === "error") process.stdout.write(`event ${name}\n`);
  },
};
const stores = await openLmdbStore({ path, limitBytes: 1e9, clock: systemClock, observer });
if (damage === "zero") {
  const { size } = await stat(`${path}/data.mdb`);
  const file = await open(`${path}/data.mdb`, "r+");
  await file.write(new Uint8Array(size - META_BYTES), 0, size - META_BYTES, META_BYTES);
  await file.close();
}
let told = "";
try {
  let read = 0;
  for await (const { id } of stores.blocks.list()) {
    for (const index of (await stores.blocks.heldBlocks(id)) ?? []) {
      if (await stores.blocks.getBlock(id, index)) read++;
    }
  }
  told = `read ${read}`;
} catch (error) {
  told = `failed ${error.code}`;
}
await stores.close().catch(() => {});
process.stdout.write(`${told}\n`);
