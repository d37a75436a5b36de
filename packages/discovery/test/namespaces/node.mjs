/**
 * One host of the namespace test: `serve` answers until its input ends, `find` asks once in each version, listens
 * until the wait is over, and tells what was found and why answers were dropped.
 */
import { startPeerDiscovery } from "@branchcache/discovery";
import { systemClock, systemRandom } from "@branchcache/runtime/node";
import { nodeDatagramPort } from "dgram-ws-discovery/node";

const [role, families] = process.argv.slice(2);
const id = new Uint8Array(32).fill(7);
const held = { heldBlocks: 1, totalBlocks: 1, createdMs: Date.now() };
const serve = {
  retrievalPort: 8_000,
  held: { holds: async (ids) => ids.map((wanted) => (wanted[0] === 7 ? held : undefined)) },
};
const udp = {
  ...nodeDatagramPort,
  interfaces: () =>
    nodeDatagramPort
      .interfaces()
      .filter(({ family }) => families === undefined || family === Number(families)),
};
/** By reason. */
const dropped = {};
const discovery = await startPeerDiscovery({
  clock: systemClock,
  random: systemRandom,
  udp,
  waitMs: 2_000,
  observer: {
    event() {},
    measure() {},
    count(name, amount, { reason } = {}) {
      if (name === "datagrams_dropped_total") dropped[reason] = (dropped[reason] ?? 0) + amount;
    },
  },
  ...(role === "serve" && { serve }),
});
if (role === "serve") {
  process.stdout.write("ready\n");
  process.stdin.resume();
  process.stdin.once("end", () => void discovery.close());
} else {
  const found = [];
  for (const version of [1, 2]) {
    for await (const match of discovery.find([id], { version })) {
      found.push({
        version,
        peer: match.peer.id,
        addresses: match.peer.addresses,
        complete: match.segments[0]?.complete,
      });
    }
  }
  await discovery.close();
  process.stdout.write(`${JSON.stringify({ found, dropped })}\n`);
}
