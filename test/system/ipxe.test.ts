/** iPXE boots from our content server and our peer: the scenes that were recorded of it, against the real commands. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BackgroundProcess, freeUdpPort, runProcess, startProcess } from "@branchcache/cli/testing";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../support/commands.mjs";
import {
  blockRequest,
  exchange,
  findPeer,
  missingDataRequest,
  offerRequest,
  readBlock,
} from "../support/ipxe.ts";

// The recorded scenes' files: 300,001 bytes, and byte i = (7 i + floor(i / 256)) mod 256.
const content = Uint8Array.from({ length: 300_001 }, (_, i) => (7 * i + Math.floor(i / 256)) % 256);

describe("iPXE", () => {
  let directory: string;
  let host: string;
  let discoveryPort: number;
  const running: BackgroundProcess[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-ipxe-"));
    const root = join(directory, "www");
    await mkdir(root);
    await writeFile(join(root, "file"), content);
    const server = ["--cache-dir", join(directory, "server")];
    await runProcess(command("branchcache", "publish", join(root, "file"), ...server));
    const serve = await startProcess(
      command(
        "branchcache",
        ...["serve", root, "--listen", "127.0.0.1:0", "--log-format", "json"],
        ...["--secret-file", join(directory, "secret"), ...server],
      ),
    );
    running.push(serve);
    host = new URL((await serve.event("service.started"))["url"] ?? "").host;
    discoveryPort = await freeUdpPort();
    const socket = join(directory, "peer.sock");
    const peer = await startProcess(
      command(
        "branchcached",
        ...["--listen", "127.0.0.1:0", "--interface", "127.0.0.1", "--discovery-port", String(discoveryPort)],
        ...["--cache-dir", join(directory, "peer"), "--socket", socket, "--log-format", "json"],
      ),
    );
    running.push(peer);
    await peer.event("service.started");
    for (const version of ["1", "2"]) {
      const target = join(directory, `copy-${version}`);
      const url = `http://${host}/file`;
      await runProcess(
        command("branchcache", "get", url, "-o", target, "--max-version", version, "--socket", socket),
      );
    }
  });

  afterAll(async () => {
    for (const process of running) await process.stop();
    if (directory) await rm(directory, { recursive: true, force: true });
  });

  it.each([
    { version: 2, max: "2.0" },
    { version: 1, max: "1.0" },
  ])("gets every block of a version $version file from a peer", async ({ version, max }) => {
    const request = offerRequest(host, "/file").replace(
      "MaxContentInformation=2.0",
      `MaxContentInformation=${max}`,
    );
    const answer = await exchange(host, request);
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        "content-encoding": "peerdist",
        "x-p2p-peerdist": `Version=1.1, ContentLength=${content.length}`,
      },
    });
    const information = readContentInformation(answer.body, nodeHashEngine);
    expect(information.version).toBe(version);
    const whole = createHash("sha256");
    for (const segment of information.segments) {
      const peer = await findPeer(discoveryPort, segment, 30_000);
      for (const blockIndex of segment.blockHashes.keys()) {
        whole.update(
          readBlock(await exchange(peer, blockRequest(peer, segment, blockIndex)), segment, blockIndex),
        );
      }
    }
    expect(whole.digest("hex")).toBe(createHash("sha256").update(content).digest("hex"));
  });

  it.each([
    [262_144, 300_000],
    [196_608, 262_143],
    [0, 65_535],
  ])("gets bytes %i to %i in plain when nobody has them", async (first, last) => {
    const answer = await exchange(host, missingDataRequest(host, "/file", first, last));
    expect(answer).toMatchObject({
      status: 206,
      headers: { "content-range": `bytes ${first}-${last}/${content.length}` },
    });
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(Buffer.compare(answer.body, content.subarray(first, last + 1))).toBe(0);
  });
});
