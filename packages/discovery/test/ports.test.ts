/** The ports of `runtime` and of `dgram-ws-discovery` are two declarations of one shape. */
import type * as runtime from "@branchcache/runtime";
import type * as wsd from "dgram-ws-discovery";
import { nodeDatagramPort, systemClock, systemRandom } from "dgram-ws-discovery/node";
import { expectTypeOf, it } from "vitest";

it("what runtime gives, dgram-ws-discovery takes", () => {
  expectTypeOf<runtime.Clock>().toExtend<wsd.Clock>();
  expectTypeOf<runtime.Random>().toExtend<wsd.Random>();
  expectTypeOf<runtime.UdpPort>().toExtend<wsd.DatagramPort>();
  expectTypeOf<runtime.UdpSocket>().toExtend<wsd.DatagramSocket>();
  expectTypeOf<runtime.Endpoint>().toEqualTypeOf<wsd.Endpoint>();
  expectTypeOf<runtime.InterfaceAddress>().toEqualTypeOf<wsd.InterfaceAddress>();
  expectTypeOf<runtime.UdpOpenOptions>().toEqualTypeOf<wsd.DatagramOpenOptions>();
});

it("the real adapters fit both", () => {
  expectTypeOf(nodeDatagramPort).toExtend<runtime.UdpPort>();
  expectTypeOf(systemRandom).toExtend<runtime.Random>();
  expectTypeOf(systemClock).toExtend<wsd.Clock>();
});
