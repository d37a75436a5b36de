/** What needs Node: native hashes, files. */
export { nodeHashEngine } from "./node/hash-engine.ts";
export {
  createHashingPool,
  type HashingPool,
  type HashingPoolOptions,
  type PoolFileOptions,
  type PoolPublishOptions,
  type PoolStreamOptions,
} from "./node/hashing-pool.ts";
export { type PublishFileOptions, publishFile } from "./node/publish-file.ts";
export { exportServerSecret, importServerSecret } from "./node/secret-file.ts";
