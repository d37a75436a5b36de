/** A service in the namespace test: says Hello, answers, and says Bye when its input ends. */
import { openWsDiscovery, startTargetService } from "dgram-ws-discovery";
import { nodeDatagramPort, systemClock, systemRandom } from "dgram-ws-discovery/node";

const [address, xAddr] = process.argv.slice(2);
const discovery = await openWsDiscovery({
  clock: systemClock,
  random: systemRandom,
  datagrams: nodeDatagramPort,
});
const service = await startTargetService(discovery, {
  address,
  types: [{ uri: "http://schemas.xmlsoap.org/ws/2006/02/devprof", local: "Device" }],
  xAddrs: [xAddr],
  metadataVersion: 1,
});
process.stdin.resume();
process.stdin.once("end", async () => {
  await service.stop();
  await discovery.close();
});
