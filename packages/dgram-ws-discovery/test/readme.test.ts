/** The examples of the README. */
import { openWsDiscovery, startTargetService } from "dgram-ws-discovery";
import { nodeDatagramPort, systemClock, systemRandom } from "dgram-ws-discovery/node";
import { expect, it } from "vitest";

it("the README's examples find each other", async () => {
  const free = await nodeDatagramPort.open({ family: 4, address: "127.0.0.1" }, () => {});
  await free.close();
  const network = {
    clock: systemClock,
    random: systemRandom,
    datagrams: nodeDatagramPort,
    interfaces: ["127.0.0.1"],
    port: free.local.port,
  };
  await using serving = await openWsDiscovery(network);
  await using discovery = await openWsDiscovery(network);
  const printer = { uri: "http://schemas.microsoft.com/windows/2006/08/wdp/print", local: "PrintDeviceType" };
  const target = await startTargetService(serving, {
    address: "urn:uuid:6a1e8b6c-2d7f-4c55-8e3a-91b0c4d2f7a5", // the same at every start
    types: [printer],
    scopes: ["http://example.org/floor-2"],
    xAddrs: ["http://192.0.2.10:8080/print"],
    metadataVersion: 1,
  });
  const found: unknown[] = [];
  for await (const { service, from } of discovery.probe({ types: [printer] }, { timeoutMs: 10_000 })) {
    found.push([service.address, service.xAddrs, from.address]);
    break;
  }
  expect(found).toEqual([[target.service.address, ["http://192.0.2.10:8080/print"], "127.0.0.1"]]);
});
