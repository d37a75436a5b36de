// @ts-check
/** `node hosted-process.mjs <nodes>`: a hosted cache over a cluster, behind a balancer on loopback; says its port. */
import { openRedisStore } from "@branchcache/cache-store/redis";
import { addressRanges, startHostedCacheService } from "@branchcache/peer-node";
import { systemClock as clock } from "@branchcache/runtime/node";

const nodes = (process.argv[2] ?? "").split(",");
const store = await openRedisStore({ nodes, clock, deadlineMs: 2_000 });
const { serving } = await startHostedCacheService({
  store,
  http: { host: "127.0.0.1", port: 0 },
  balancers: addressRanges(["127.0.0.1"]),
  allowOwnAddresses: true,
});
process.stderr.write(`${JSON.stringify({ event: "service.started", port: String(serving.port) })}\n`);
