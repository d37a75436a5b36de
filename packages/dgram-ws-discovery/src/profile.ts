/**
 * What a profile of WS-Discovery builds on: a protocol with matching rules and answers of its own, such as BranchCache's
 * [MS-PCCRD], which decides about each request through `respond`. Nothing here is needed to find services or to be found.
 */
export { AsyncQueue } from "./async-queue.ts";
export { detachText } from "./detach-text.ts";
export { isLinkLocal, isLoopback, isOnSubnet, type NumericAddress, parseAddress } from "./net/address.ts";
export { allocateBytes } from "./slab.ts";
