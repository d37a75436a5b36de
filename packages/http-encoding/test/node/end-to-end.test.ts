/** Our client against our content server over a socket: sequences A, B and C. [MS-PCCRTP] 3.1, 3.2 */
import { rename } from "node:fs/promises";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { equalBytes } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  memoryPublicationStore,
  type OriginAnswer,
  type OriginClient,
  originClient,
  type PeerDistDirectory,
  peerDistDirectory,
} from "../../src/node.ts";
import {
  EXAMPLE_SECRET,
  exampleContent,
  listen,
  listenRaw,
  readAll,
  type TestServer,
} from "./http-fixture.ts";
import { type TemporaryRoot, temporaryRoot } from "./temporary-root.ts";

const content = exampleContent(300_001);
type Kind<K extends OriginAnswer["kind"]> = Extract<OriginAnswer, { kind: K }>;

describe("client and content server", () => {
  let root: TemporaryRoot;
  let directory: PeerDistDirectory;
  let server: TestServer;
  let client: OriginClient;
  let url: string;

  beforeEach(async () => {
    root = await temporaryRoot();
    await root.write("file", content);
    directory = peerDistDirectory({
      root: root.path,
      store: memoryPublicationStore(),
      secret: EXAMPLE_SECRET,
      engine: nodeHashEngine,
      clock: systemClock,
    });
    server = await listen(directory.handler);
    client = originClient({ clock: systemClock });
    url = `${server.url}/file`;
  });

  afterEach(async () => {
    await client.close();
    await server.close();
    await directory.close();
    await root.remove();
  });

  function as<K extends OriginAnswer["kind"]>(answer: OriginAnswer, kind: K): Kind<K> {
    expect(answer.kind).toBe(kind);
    return answer as Kind<K>;
  }

  it.each([1, 2] as const)(
    "PCCRTP-24 PCCRTP-35 content first, Content Information of version %i when asked again",
    async (versions) => {
      const first = as(await client.open(url, { versions }), "content");
      expect(first.makeHashRequest).toBe(true);
      expect(equalBytes(await readAll(first.body), content)).toBe(true);

      const second = as(await client.open(url, { versions, hashRequest: true }), "content-information");
      expect(second.contentLengthBytes).toBe(content.length);
      expect(second.validator).toEqual(first.validator);
      const information = readContentInformation(second.bytes, nodeHashEngine);
      expect(information).toMatchObject({
        version: versions,
        range: { startBytes: 0, endBytes: content.length },
      });

      // Every block that nobody has, by range, verified.
      for (const segment of information.segments) {
        for (const [i, hash] of segment.blockHashes.entries()) {
          const startBytes = segment.offsetBytes + i * segment.blockSizeBytes;
          const endBytes = Math.min(
            startBytes + segment.blockSizeBytes,
            segment.offsetBytes + segment.lengthBytes,
          );
          const answer = await client.range(url, { startBytes, endBytes }, second.validator);
          const block = answer.kind === "range" ? await readAll(answer.body) : new Uint8Array(0);
          expect(nodeHashEngine.hash(segment.algorithm, block)).toEqual(Uint8Array.from(hash));
        }
      }
      as(await client.open(url, { versions }), "content-information");
    },
  );

  it("PCCRTP-38 a file replaced between Content Information and range has changed", async () => {
    as(await client.open(url), "content").discard();
    const coded = as(await client.open(url, { hashRequest: true }), "content-information");
    await rename(await root.write("other", content.toReversed()), `${root.path}/file`);
    expect(await client.range(url, { startBytes: 0, endBytes: 10 }, coded.validator)).toEqual({
      kind: "changed",
    });
    const now = as(await client.open(url), "content");
    expect(now.validator).not.toEqual(coded.validator);
    expect(equalBytes(await readAll(now.body), content.toReversed())).toBe(true);
  });

  it("PCCRTP-38 a download goes on with the file it began with, whatever replaces it", async () => {
    const large = exampleContent(5_000_000);
    await root.write("large", large);
    const answer = as(await client.open(`${server.url}/large`, { offer: false }), "content");
    const pieces: Uint8Array[] = [];
    for await (const piece of answer.body) {
      if (pieces.length === 0) await rename(await root.write("other", "x"), `${root.path}/large`);
      pieces.push(piece.slice());
    }
    expect(equalBytes(Uint8Array.from(Buffer.concat(pieces)), large)).toBe(true);
  });

  it("small files and plain clients are left alone", async () => {
    await root.write("small", "x");
    expect(as(await client.open(`${server.url}/small`), "content").makeHashRequest).toBe(false);
    const plain = as(await client.open(url, { offer: false }), "content");
    expect(equalBytes(await readAll(plain.body), content)).toBe(true);
  });

  it("PCCRTP-22 PCCRTP-23 ends a connection that the server wants closed with FIN", async () => {
    let onClosed = (_failed: boolean): void => {};
    const closed = new Promise<boolean>((resolve) => {
      onClosed = resolve;
    });
    const closing = await listenRaw((socket) => {
      socket.on("close", onClosed);
      socket.once("data", () =>
        socket.write(
          "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: peerdist\r\n" +
            "X-P2P-PeerDist: Version=1.1, ContentLength=70000\r\nContent-Length: 3\r\n\r\nabc",
        ),
      );
    });
    as(await client.open(closing.url), "content-information");
    expect(await closed).toBe(false);
    await closing.close();
  });
});
