import { createHash } from "node:crypto";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { equalBytes } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { memoryPublicationStore, type PeerDistDirectory, peerDistDirectory } from "../../src/node.ts";
import {
  EXAMPLE_SECRET,
  exampleContent,
  examplePublications,
  exchangeRaw,
  listen,
  requestText,
  type TestServer,
} from "./http-fixture.ts";
import { type TemporaryRoot, temporaryRoot } from "./temporary-root.ts";

const content = exampleContent(65_537);
const OFFER = {
  "Accept-Encoding": "gzip, peerdist",
  "X-P2P-PeerDist": "Version=1.1",
  "X-P2P-PeerDistEx": "MinContentInformation=1.0, MaxContentInformation=2.0",
};
const VARY = "Accept-Encoding, X-P2P-PeerDist, X-P2P-PeerDistEx";
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("worked examples", () => {
  let root: TemporaryRoot;
  let directory: PeerDistDirectory;
  let server: TestServer;

  beforeEach(async () => {
    root = await temporaryRoot();
    await root.write("data.bin", content);
    directory = peerDistDirectory({
      root: root.path,
      store: memoryPublicationStore(),
      secret: EXAMPLE_SECRET,
      engine: nodeHashEngine,
      clock: systemClock,
      minSizeBytes: 65_536,
      // The examples' version 2.0 is cut at 65,536, which the standard leaves to the server.
      hashFile: async () => examplePublications(content, nodeHashEngine),
    });
    server = await listen(directory.handler);
  });

  afterEach(async () => {
    await server.close();
    await directory.close();
    await root.remove();
  });

  it("PCCRTP-35 PCCRTP-16 PCCRTP-47 a fresh resource is sent as it is, with MakeHashRequest", async () => {
    const answer = await exchangeRaw(server.port, requestText("/data.bin", OFFER));
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "content-type": "application/octet-stream",
      "content-length": "65537",
      "x-p2p-peerdist": "Version=1.1",
      "x-p2p-peerdistex": "MakeHashRequest=true",
      vary: VARY,
    });
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(equalBytes(answer.body, content)).toBe(true);
  });

  it("PCCRTP-24 PCCRTP-27 PCCRTP-31 a hash request waits for the hashes and has them", async () => {
    const plain = await exchangeRaw(server.port, requestText("/data.bin", OFFER));
    const hashRequest = { ...OFFER, "X-P2P-PeerDistEx": `${OFFER["X-P2P-PeerDistEx"]}, HashRequest=true` };
    const answer = await exchangeRaw(server.port, requestText("/data.bin", hashRequest));
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "content-encoding": "peerdist",
      "content-length": "172",
      "content-type": "application/octet-stream",
      "cache-control": "private",
      etag: plain.headers["etag"],
      "last-modified": plain.headers["last-modified"],
      "x-p2p-peerdist": "Version=1.1, ContentLength=65537",
      vary: VARY,
    });
    expect(answer.headers["x-p2p-peerdistex"]).toBeUndefined();
    expect(sha256(answer.body)).toBe("fe39998cb08e66bfd79b105e1ee4ea08df33f1ec2671f060f8731a31b4911b85");

    const v1 = await exchangeRaw(
      server.port,
      requestText("/data.bin", { "Accept-Encoding": "peerdist", "X-P2P-PeerDist": "Version=1.0" }),
    );
    expect(v1.headers).toMatchObject({
      "content-length": "166",
      "x-p2p-peerdist": "Version=1.0, ContentLength=65537",
    });
    expect(sha256(v1.body)).toBe("c7b5dc38cf464718871bf7df889d46cc6cccfebaca37b8ecf6a5cf7f2c4b8f6f");

    const missing = await exchangeRaw(
      server.port,
      requestText("/data.bin", {
        Range: "bytes=65536-65536",
        "If-Range": plain.headers["etag"] ?? "",
        "X-P2P-PeerDist": "Version=1.1, MissingDataRequest=true",
      }),
    );
    expect(missing.status).toBe(206);
    expect(missing.headers).toMatchObject({
      "content-range": "bytes 65536-65536/65537",
      "content-length": "1",
      etag: plain.headers["etag"],
    });
    expect(equalBytes(missing.body, content.subarray(65_536))).toBe(true);
  });
});
