import {
  blockStoreContract,
  type OpenStores,
  publicationStoreContract,
  secretStoreContract,
} from "@branchcache/cache-store/contract";
import { openRedisStore } from "@branchcache/cache-store/redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RedisCluster, startRedisCluster } from "../../../../test/support/redis-cluster.mjs";
import { requirement } from "../../../../test/support/requires.ts";

const redis = requirement("redis-server");

describe.skipIf(!redis.ok)("on a cluster of three masters and three replicas", () => {
  let cluster: RedisCluster;
  let stores = 0;
  beforeAll(async () => {
    cluster = await startRedisCluster(redis.path);
  });
  afterAll(() => cluster?.close());

  const open: OpenStores = ({ clock, observer }) =>
    openRedisStore({ nodes: cluster.nodes, keyPrefix: `contract-${stores++}:`, clock, observer });

  blockStoreContract("redis", open, { describe, it, expect }, { limits: "engine" });
  secretStoreContract("redis", open, { describe, it, expect });
  publicationStoreContract("redis", open, { describe, it, expect });
});
