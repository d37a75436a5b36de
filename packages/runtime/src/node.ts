/** What needs Node.js: its clock, its random source, ranges of addresses, a command's standard output. */
export { type AddressRanges, addressRanges } from "./node/address-ranges.ts";
export { endWithReader } from "./node/end-with-reader.ts";
export { systemClock } from "./node/system-clock.ts";
export { systemRandom } from "./node/system-random.ts";
