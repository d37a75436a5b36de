/**
 * What every implementation must do, as suites for any test runner with `describe`, `it` and `expect`.
 * @example
 * blockStoreContract("memory", (options) => createMemoryStore(options), { describe, it, expect });
 */
export { blockStoreContract } from "./contract/block-store-contract.ts";
export type { ContractOptions, ContractTestApi, OpenStores, OpenStoresOptions } from "./contract/harness.ts";
export { publicationStoreContract, secretStoreContract } from "./contract/other-contracts.ts";
