/** Started by root: `node open-as-nobody.mjs PATH` tries to open a store as nobody; tells code and message. */
import { openLmdbStore } from "@branchcache/cache-store/lmdb";
import { systemClock } from "@branchcache/runtime/node";

process.setgroups([]);
process.setgid(65534);
process.setuid(65534);
const outcome = await openLmdbStore({ path: process.argv[2], limitBytes: 1e6, clock: systemClock }).then(
  () => ["none"],
  (error) => [error.code, error.message],
);
process.stdout.write(JSON.stringify(outcome));
