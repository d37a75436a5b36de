/** What needs Node.js: native hashes, files, worker threads. */
export { nodeHashEngine } from "./node/node-hash-engine.ts";
export {
  createHashingPool,
  type HashingPool,
  type HashingPoolOptions,
} from "./node/pool/hashing-pool.ts";
export type { PoolFileOptions, PoolPublishOptions, PoolStreamOptions } from "./node/pool/pool-options.ts";
export { type PublishFileOptions, publishFile } from "./node/publish-file.ts";
export { exportServerSecret, importServerSecret } from "./node/secret-file.ts";
