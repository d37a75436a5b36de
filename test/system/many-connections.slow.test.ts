/** Clients that do nothing, read nothing or send slowly, in thousands: what that costs the process. */
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningService, startGateway, startServe } from "../support/content-service.ts";
import { slowRuns } from "../support/slow.ts";

const MIB = 1_048_576;
const content = Buffer.alloc(64 * MIB, "All work and no play makes a dull branch.\n");
const OFFER =
  "Accept-Encoding: peerdist\r\nX-P2P-PeerDist: Version=1.1\r\n" +
  "X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=2.0\r\n";

// Memory of another process is read as Linux shows it.
describe.skipIf(process.platform !== "linux")("many connections", () => {
  let directory: string;
  let origin: Server;
  let originUrl: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-many-"));
    await writeFile(join(directory, "large.bin"), content);
    origin = createServer((request, response) => {
      // Uploads are never read.
      if (request.method === "POST") return;
      response.setHeader("ETag", '"v1"').setHeader("Content-Length", content.length).end(content);
    });
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    origin.closeAllConnections();
    origin.close();
    await rm(directory, { recursive: true, force: true });
  });

  const residentMiB = async ({ pid }: RunningService) => {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
  };

  async function open(service: RunningService, count: number, text = ""): Promise<Socket[]> {
    const sockets: Socket[] = [];
    // No more at a time than wait in the listener's queue.
    while (sockets.length < count) {
      const some = Array.from({ length: Math.min(100, count - sockets.length) }, () => {
        const socket = connect(service.port, "127.0.0.1");
        socket.on("error", () => {});
        return socket;
      });
      await Promise.all(some.map((socket) => once(socket, "connect")));
      for (const socket of some) if (text !== "") socket.write(text);
      sockets.push(...some);
    }
    return sockets;
  }

  async function answers(service: RunningService): Promise<void> {
    const answer = await fetch(`${service.url}/large.bin`, { headers: { Range: "bytes=0-9" } });
    expect([200, 206]).toContain(answer.status);
    await answer.body?.cancel();
  }

  it.each(["serve", "gateway"] as const)("%s", async (name) => {
    const start = () => (name === "serve" ? startServe(directory) : startGateway(originUrl));
    await using service = await start();
    await answers(service);
    const atRest = await residentMiB(service);
    const grown = async () => Math.round((await residentMiB(service)) - atRest);

    const count = slowRuns(10_000);
    const idle = await open(service, count);
    await answers(service);
    const idleMiB = await grown();
    // 15 KiB each, and what the heap has on top.
    expect(idleMiB).toBeLessThan((count * 15) / 1_024 + 60);

    // Together they ask for twelve gigabytes.
    const readers = await open(service, 200, `GET /large.bin HTTP/1.1\r\nHost: a\r\n${OFFER}\r\n`);
    // Each has had the first bytes, takes what its own buffer holds, and no more.
    await Promise.all(readers.map((socket) => once(socket, "readable")));
    await answers(service);
    const readersMiB = await grown();
    expect(readersMiB - idleMiB).toBeLessThan(300);

    const head = `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n`;
    const senders = await open(service, 100, head);
    for (const socket of senders) socket.write(content.subarray(0, 16 * MIB));
    // Half of a head, and no more of it.
    const beginners = await open(service, 100, "GET /large.bin HTTP/1.1\r\nHos");
    await answers(service);
    const sendersMiB = await grown();
    expect(sendersMiB - readersMiB).toBeLessThan(300);
    console.info(
      `${name}: at rest ${Math.round(atRest)} MiB; ${count} idle connections ${idleMiB} MiB more, ` +
        `200 readers that do not read ${readersMiB - idleMiB}, 200 slow senders ${sendersMiB - readersMiB}`,
    );
    for (const socket of [...idle, ...readers, ...senders, ...beginners]) socket.destroy();
    await answers(service);
  });
});
