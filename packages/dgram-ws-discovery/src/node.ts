/** The datagrams, clock and random source of Node.js. */
export { nodeDatagramPort } from "./node/datagram-port.ts";
export { systemClock } from "./node/system-clock.ts";
export { systemRandom } from "./node/system-random.ts";
