/** Client information over real datagrams: many machines of a link look for what a program reads through its daemon. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "@branchcache/cache-store";
import { freeUdpPort } from "@branchcache/cli/testing";
import {
  publishBytes,
  readContentInformation,
  ServerSecret,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { type PeerNode, type PeerNodeOptions, serveApi, startPeerNode } from "@branchcache/peer-node";
import { PeerDistService } from "@branchcache/peerdist";
import { daemon, PEERDIST_PROTOCOL, peerDistProtocol } from "@branchcache/peerdist/node";
import { connectPeerDist } from "@branchcache/peerdist/promises";
import { systemClock as clock } from "@branchcache/runtime/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { expect, it, onTestFinished } from "vitest";

/** A machine of this address, which lies on loopback as all of 127.0.0.0/8 does. */
async function machine(
  address: string,
  discoveryPort: number,
  options?: Partial<PeerNodeOptions>,
): Promise<PeerNode> {
  const [loopback] = nodeDatagramPort.interfaces().filter((one) => one.address === "127.0.0.1");
  if (!loopback) throw new Error("no loopback");
  return startPeerNode({
    store: createMemoryStore({ limitBytes: 2 ** 20, clock }),
    mode: "distributed",
    udp: { ...nodeDatagramPort, interfaces: () => [{ ...loopback, address }] },
    interfaces: [address],
    discovery: { port: discoveryPort, waitMs: 50 },
    ...options,
  });
}

it("API-42 a program hears that many look for its content, once three machines of the link do", async () => {
  const port = await freeUdpPort();
  const directory = await mkdtemp(join(tmpdir(), "branchcache-crowd-"));
  const closing: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  onTestFinished(async () => {
    for (const close of closing.reverse()) await close();
  });
  const open = async (address: string, options?: Partial<PeerNodeOptions>) => {
    const node = await machine(address, port, options);
    closing.push(() => node.close());
    return node;
  };
  const own = await open("127.0.0.1", { listen: { host: "127.0.0.1", port: 0 } });
  const secret = ServerSecret.fromBytes(Uint8Array.of(1));
  const service = new PeerDistService({ blocks: own.blocks, engine, secret, clock });
  const path = join(directory, "api.sock");
  const protocols = { [PEERDIST_PROTOCOL]: peerDistProtocol({ service }) };
  const server = await serveApi({ path, branchCache: own, mode: "distributed", protocols });
  closing.push(() => server.close());

  const { v1 } = publishBytes(seededRandom(1).bytes(100_000), { engine, versions: [1] });
  if (!v1) throw new Error("nothing published");
  const information = writeContentInformation(v1, secret, engine);
  const ids = readContentInformation(information, engine).segments.map(({ id }) => id);
  await using program = await connectPeerDist({ transport: daemon({ path }), clock });
  await using content = await program.open(new Uint8Array(16), information);

  for (const address of ["127.0.0.2", "127.0.0.3", "127.0.0.4"]) {
    expect(await content.flashCrowd()).toBe(false);
    const asker = await open(address);
    // Once more, since one machine that asks twice is still one.
    for (let i = 0; i < 2; i++) for await (const _ of asker.whoHas(ids, { version: 1 })) expect.unreachable();
  }
  await expect.poll(() => content.flashCrowd()).toBe(true);
});
