/** What needs Node: native hashes, files. */
export { nodeHashEngine } from "./node/hash-engine.ts";
export {
  createHashingPool,
  type HashingPool,
  type HashingPoolOptions,
} from "./node/hashing-pool.ts";
export type { PoolFileOptions, PoolPublishOptions, PoolStreamOptions } from "./node/pool-options.ts";
export { type PublishFileOptions, publishFile } from "./node/publish-file.ts";
export { exportServerSecret, importServerSecret } from "./node/secret-file.ts";
