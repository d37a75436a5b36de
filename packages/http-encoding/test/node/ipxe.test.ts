/** The requests are iPXE 2.0.0+'s own bytes, captured on a test network. */
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { equalBytes } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  filePublications,
  memoryPublicationStore,
  type PeerDistDirectory,
  peerDistDirectory,
} from "../../src/node.ts";
import { EXAMPLE_SECRET, exchangeRaw, listen, type TestServer } from "./http-fixture.ts";
import { type TemporaryRoot, temporaryRoot } from "./temporary-root.ts";

const FIRST = `GET /file HTTP/1.1
Accept-Encoding: peerdist
Connection: keep-alive
User-Agent: iPXE/2.0.0+ (g0ab22)
Host: 10.77.0.1:8080
X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=2.0
X-P2P-PeerDist: Version=1.1

`;
const missing = (range: string) => `GET /file HTTP/1.1
Range: bytes=${range}
Connection: keep-alive
User-Agent: iPXE/2.0.0+ (g0ab22)
Host: 10.77.0.1:8080
X-P2P-PeerDist: Version=1.1, MissingDataRequest=true

`;
/** The order in which it asked: last block first. */
const RANGES = ["262144-300000", "196608-262143", "131072-196607", "65536-131071", "0-65535"];
/** Byte i of the 1,000-byte file of the small captures; long files go on alike. */
const captured = (lengthBytes: number) =>
  Uint8Array.from({ length: lengthBytes }, (_, i) => (7 * i + Math.floor(i / 256)) % 256);

describe.each([
  [300_001, 1 as const],
  [300_001, 2 as const],
  [1_000, 1 as const],
  [1_000, 2 as const],
])("PCCRTP-12 PCCRTP-20 PCCRTP-21 iPXE asks for %i bytes, version %i", (lengthBytes, version) => {
  const content = captured(lengthBytes);
  let root: TemporaryRoot;
  let server: TestServer;
  let directory: PeerDistDirectory;

  beforeEach(async () => {
    root = await temporaryRoot();
    const file = await root.write("file", content);
    const options = { store: memoryPublicationStore(), clock: systemClock };
    directory = peerDistDirectory({
      ...options,
      root: root.path,
      secret: EXAMPLE_SECRET,
      engine: nodeHashEngine,
      minSizeBytes: 0,
      versions: [version],
    });
    server = await listen(directory.handler);
    // Published beforehand, by whoever shares the store.
    const publisher = filePublications(options);
    const plain = await exchangeRaw(server.port, missing(`0-${lengthBytes - 1}`));
    const resource = {
      key: file,
      validator: plain.headers["etag"] ?? "",
      sizeBytes: lengthBytes,
    };
    await publisher.request(resource);
    await publisher.close();
  });

  afterEach(async () => {
    await server.close();
    await directory.close();
    await root.remove();
  });

  it("is answered at first with Content Information", async () => {
    const { status, headers, body } = await exchangeRaw(server.port, FIRST);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-encoding": "peerdist",
      "x-p2p-peerdist": `Version=1.1, ContentLength=${lengthBytes}`,
      "content-type": "application/octet-stream",
    });
    const information = readContentInformation(body, nodeHashEngine);
    expect(information).toMatchObject({ version, range: { startBytes: 0, endBytes: lengthBytes } });
    // As long as what iPXE accepted in the captures: 262 and 134 bytes of version 1.0.
    if (version === 1) expect(body.length).toBe(lengthBytes === 1_000 ? 134 : 262);
  });

  // The captured range requests are of the longer file.
  if (lengthBytes > 1_000) {
    it("then gets the blocks that nobody has as plain ranges", async () => {
      for (const range of RANGES) {
        const { status, headers, body } = await exchangeRaw(server.port, missing(range));
        const [start = 0, end = 0] = range.split("-").map(Number);
        expect(status).toBe(206);
        expect(headers).toMatchObject({
          "content-range": `bytes ${range}/300001`,
          "content-length": String(end + 1 - start),
        });
        expect(headers["content-encoding"]).toBeUndefined();
        expect(equalBytes(body, content.subarray(start, end + 1))).toBe(true);
      }
    });
  }
});
