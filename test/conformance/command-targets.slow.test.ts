/** The commands of the profiles whose targets are ours, as they are typed: a hosted cache, a peer that answers probes. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "@branchcache/cache-store";
import { openContentServer, runProfile, contentServer as serverProfile } from "@branchcache/conformance";
import { startPeerDiscovery } from "@branchcache/discovery";
import { closeServer, listen, startHostedCacheService } from "@branchcache/peer-node";
import { equalBytes, silentObserver } from "@branchcache/runtime";
import { systemClock as clock, systemRandom } from "@branchcache/runtime/node";
import { seededRandom } from "@branchcache/runtime/testing";
import { nodeDatagramPort } from "dgram-ws-discovery/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import certificates from "../support/certificates.json" with { type: "json" };
import { command } from "./support/command.ts";
import { heldContent } from "./support/held-content.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "branchcache-conformance-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("branchcache-conformance", () => {
  it("hosted-cache finds a hosted cache of ours conforming, by offers of both versions", async () => {
    const store = createMemoryStore({ limitBytes: 64 * 1_048_576, clock });
    const { cert, key } = certificates.server;
    const service = await startHostedCacheService({
      store,
      http: LOOPBACK,
      https: { listen: LOOPBACK, tls: { cert, key } },
      allowOwnAddresses: true,
    });
    const { output, complaint, code } = await command(
      ...["hosted-cache", `127.0.0.1:${service.serving.port}`, "--listen", "127.0.0.1:0"],
      ...["--tls", `127.0.0.1:${service.servingTls?.port}`, "--timeout", "20000"],
    );
    await service.close();
    await store.close();
    expect(complaint).toBe("");
    expect(output).toMatch(/^MUST: 25 passed, 0 failed, 0 inconclusive, 2 skipped$/m);
    expect(code).toBe(0);
  });

  it("discovery-target finds a peer of ours conforming", async () => {
    await using held = await heldContent(1);
    const file = join(folder, "content.ci");
    await writeFile(file, held.bytes);
    const free = await nodeDatagramPort.open({ family: 4, address: "127.0.0.1" }, () => {});
    await free.close();
    const { port } = free.local;
    const { segments } = held.information;
    await using _discovery = await startPeerDiscovery({
      clock,
      random: systemRandom,
      udp: nodeDatagramPort,
      interfaces: ["127.0.0.1"],
      port,
      serve: {
        retrievalPort: held.server.port,
        held: {
          holds: async (ids) =>
            ids.map((id) =>
              segments.some((segment) => equalBytes(segment.id, id))
                ? { heldBlocks: 4, totalBlocks: 4, createdMs: clock.wallMs() }
                : undefined,
            ),
        },
      },
    });
    const { output, complaint, code } = await command(
      ...["discovery-target", `127.0.0.1:${port}`, "--interface", "127.0.0.1", "--information", file],
      ...["--only", "probe-1.0", "probe-2.0", "unknown-segments", "echoes-scope-text"],
    );
    expect(complaint).toBe("");
    expect(output).toMatch(/^MUST: 4 passed, 0 failed, 0 inconclusive, 0 skipped$/m);
    expect(code).toBe(0);
  });
});

it("a content server that dies after the first exchanges passes nothing any more", async () => {
  const content = seededRandom(5).bytes(70_000);
  let left = 2;
  const server = createServer((_, response) => {
    if (left-- <= 0) response.destroy();
    else response.setHeader("ETag", '"a"').end(content);
  });
  const { port } = await listen(server, LOOPBACK, silentObserver);
  const run = {
    targetName: "dead",
    seed: 1,
    version: "1",
    clock,
    only: ["no-offer", "coding-refused", "not-found"],
  };
  const outcome = await openContentServer(`http://127.0.0.1:${port}/a`, { random: seededRandom(1), clock })
    .then((target) => runProfile(serverProfile, target, run))
    .then(
      ({ results }) => results.filter((result) => result.outcome === "pass").map(({ id }) => id),
      (error: unknown) => (error as { code?: string }).code,
    );
  await closeServer(server, 0);
  expect([[], "BC_CONFORMANCE_UNREACHABLE", "BC_CONFORMANCE_CONTROL", "BC_CONFORMANCE_INPUT"]).toContainEqual(
    outcome,
  );
});
