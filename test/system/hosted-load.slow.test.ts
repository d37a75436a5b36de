/** Many clients at once, many offers, and those who offer and do not give: what that costs the daemon. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer as createHttpServer, request } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BackgroundProcess, startProcess } from "@branchcache/cli/testing";
import {
  batchedOffer,
  contentTag,
  headerOf,
  OFFER_PATH_V2,
  type SegmentDescriptor,
} from "@branchcache/hosted-cache";
import { createRetrievalServer, RetrievalClient } from "@branchcache/retrieval";
import { nodeHttpPort, retrievalRequestListener } from "@branchcache/retrieval/node";
import { encode, parseEndpoint, toHex } from "@branchcache/runtime";
import { systemClock as clock, systemRandom } from "@branchcache/runtime/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../support/commands.mjs";
import { slowRuns } from "../support/slow.ts";

const BLOCK_BYTES = 65_536;
const SEALED_BYTES = BLOCK_BYTES + 16;
const MIB = 1024 * 1024;

describe("a hosted cache under load", () => {
  let directory: string;
  let daemon: BackgroundProcess;
  let port: number;
  const servers: Server[] = [];
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-load-"));
    daemon = await startProcess(
      command(
        "branchcached",
        ...["--mode", "hosted-server", "--socket", join(directory, "api.sock"), "--log-format", "json"],
        ...[
          "--cache-dir",
          join(directory, "cache"),
          "--cache-size",
          "1GiB",
          "--secret-file",
          join(directory, "secret"),
        ],
        ...[
          "--set",
          "peer.listen_address=127.0.0.1",
          "--set",
          "hosted_server.http_port=0",
          "--set",
          "hosted_server.https=false",
        ],
        ...["--set", "hosted_server.allow_own_addresses=true", "--set", "metrics.listen=127.0.0.1:0"],
      ),
    );
    const { http = "" } = await daemon.event("hosted.serving");
    port = parseEndpoint(http)?.port ?? 0;
  });

  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
    await daemon?.stop();
    if (directory) await rm(directory, { recursive: true, force: true });
  });

  const residentBytes = async (): Promise<number> => {
    const status = await readFile(`/proc/${daemon.pid}/status`, "utf8");
    return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  };
  const descriptor = (segmentId: Uint8Array): SegmentDescriptor => ({
    blockSizeBytes: BLOCK_BYTES,
    lengthBytes: BLOCK_BYTES,
    contentTagBytes: 16,
    contentTag: contentTag("load"),
    hashAlgorithm: 4,
    segmentId,
  });
  const offer = (localAddress: string, servingPort: number, ids: readonly Uint8Array[]): Promise<number> =>
    new Promise((resolve, reject) => {
      const body = encode(batchedOffer, {
        header: headerOf(2, 3, servingPort),
        segments: ids.map(descriptor),
      });
      const headers = { "Content-Length": body.length };
      const sent = request(
        { host: "127.0.0.1", port, localAddress, path: OFFER_PATH_V2, method: "POST", headers },
        (answer) => {
          answer.resume().once("end", () => resolve(answer.statusCode ?? 0));
        },
      );
      sent.once("error", reject);
      sent.end(body);
    });
  const offerAll = async (
    localAddress: string,
    servingPort: number,
    ids: readonly Uint8Array[],
  ): Promise<void> => {
    for (let at = 0; at < ids.length; at += 128) {
      expect(await offer(localAddress, servingPort, ids.slice(at, at + 128))).toEqual(200);
    }
  };
  const listening = async (server: Server): Promise<number> => {
    servers.push(server);
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };
  const ids = (count: number): Uint8Array[] =>
    Array.from({ length: count }, () => new Uint8Array(randomBytes(32)));

  it("200 clients fetch at once, while 10,000 offers wait for those who never give: bounded memory, right bytes", async () => {
    const held = ids(64);
    const blocks = new Map(
      held.map((id) => [
        toHex(id),
        { iv: new Uint8Array(randomBytes(16)), data: new Uint8Array(randomBytes(SEALED_BYTES)) },
      ]),
    );
    const giver = createRetrievalServer({
      clock,
      source: {
        heldBlocks: async (id) => (blocks.has(toHex(id)) ? [0] : undefined),
        async block(id) {
          const block = blocks.get(toHex(id));
          return block && { sealed: { cipher: 1, ...block }, nextBlockIndex: 0 };
        },
      },
    });
    const listener = retrievalRequestListener(giver);
    const giving = await listening(createHttpServer((req, res) => void listener(req, res)));
    await offerAll("127.0.0.1", giving, held);
    const open = () =>
      new RetrievalClient({
        addresses: [{ address: "127.0.0.1", port }],
        http: nodeHttpPort(),
        clock,
        random: systemRandom,
        kind: "hosted",
        timeoutMs: 60_000,
      });
    const first = open();
    for (let count = 0; count < held.length; ) {
      const answer = await first.getSegmentList(held);
      count = answer.kind === "segmentList" ? answer.held.length : 0;
    }
    first.close();
    const quietBytes = await residentBytes();

    // One takes connections and says nothing; one is a port that nobody listens on; one hangs up.
    const silent = await listening(createServer(() => {}));
    const hangsUp = await listening(createServer((socket) => socket.destroy()));
    const gone = createServer();
    const vanished = await listening(gone);
    gone.close();
    const before = Date.now();
    await offerAll("127.0.0.2", silent, ids(slowRuns(10_000)));
    await offerAll("127.0.0.3", vanished, ids(slowRuns(2_000)));
    await offerAll("127.0.0.4", hangsUp, ids(slowRuns(2_000)));
    const queuedBytes = await residentBytes();

    const clients = Array.from({ length: slowRuns(200) }, open);
    let wrong = 0;
    let read = 0;
    await Promise.all(
      clients.map(async (client) => {
        for (const id of held) {
          const answer = await client.getBlock(id, 0);
          const block = blocks.get(toHex(id));
          if (
            answer.kind === "block" &&
            Buffer.from(answer.sealed.data).equals(block?.data ?? Buffer.alloc(0))
          )
            read++;
          else wrong++;
        }
        client.close();
      }),
    );
    const busyBytes = await residentBytes();
    expect([wrong, read]).toEqual([0, clients.length * held.length]);
    const mib = (bytes: number) => Math.round(bytes / MIB);
    console.log(
      `resident MiB: ${mib(quietBytes)} quiet, ${mib(queuedBytes)} with the queue full, ${mib(busyBytes)} after ` +
        `${clients.length} clients read ${mib(read * BLOCK_BYTES)} MiB; all in ${Math.round((Date.now() - before) / 1000)} s`,
    );
    expect(queuedBytes - quietBytes).toBeLessThan(96 * MIB);
    expect(busyBytes).toBeLessThan(400 * MIB);
  }, 300_000);
});
