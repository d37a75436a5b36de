/** What needs Node: native hashes, files. */
export { nodeHashEngine } from "./node/hash-engine.ts";
export { type PublishFileOptions, publishFile } from "./node/publish-file.ts";
export { exportServerSecret, importServerSecret } from "./node/secret-file.ts";
