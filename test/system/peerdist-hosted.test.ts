/** A program that uses the Peer Distribution API on a machine whose office has a hosted cache. */
import { randomBytes } from "node:crypto";
import { ServerSecret } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { contentTag } from "@branchcache/hosted-cache";
import { inProcess, PeerDistService } from "@branchcache/peerdist";
import { connectPeerDist } from "@branchcache/peerdist/promises";
import { systemClock as clock } from "@branchcache/runtime/node";
import { describe, expect, it } from "vitest";
import certificates from "../support/certificates.json" with { type: "json" };
import { hostedOffice } from "../support/hosted-office.ts";

const SIZE = 300_000;
const tls = { cert: certificates.server.cert, key: certificates.server.key };
const https = { listen: { host: "127.0.0.1", port: 0 }, tls };

describe("content opened under a tag", () => {
  it.each([2, 1] as const)("API-79 reaches a hosted cache with it, by offers %i.0", async (offerVersion) => {
    await using office = await hostedOffice({ https });
    const hostedClient = { offerVersion, tls: { ca: certificates.ca.cert } };
    const { node } = await office.client({ hostedClient });
    const secret = ServerSecret.fromBytes(Uint8Array.of(1));
    const service = new PeerDistService({ blocks: node.blocks, engine, secret, clock });
    await using peerDist = await connectPeerDist({
      transport: inProcess(service, { identity: "me" }),
      clock,
    });
    const identifier = new TextEncoder().encode("a report");
    const bytes = randomBytes(SIZE);
    await using _publication = await peerDist.publish(identifier, [bytes]);
    const told = peerDist.contentInformation(identifier, {
      versions: { min: offerVersion, max: offerVersion },
    });
    await using content = await peerDist.open(contentTag("BITS-4.0"), told);
    const origin = (from: number, length: number) => [bytes.subarray(from, from + length)];
    for await (const _ of content.stream({ origin })) {
      // What the origin gives is kept.
    }
    await office.settled(SIZE);
    const tags = new Set<string>();
    for await (const summary of office.store.blocks.list()) tags.add(summary.tags.join());
    expect([...tags]).toEqual(["BITS-4.0"]);
  });
});
