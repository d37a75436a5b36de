import { errorCode } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OriginClient, originClient } from "../../../src/node.ts";
import { listenRaw, readAll, type TestServer } from "../http-fixture.ts";

const statusLine = fc.constantFrom(
  "HTTP/1.1 200 OK",
  "HTTP/1.1 200 OK",
  "HTTP/1.1 206 Partial Content",
  "HTTP/1.0 200",
  "HTTP/1.1 302 Found",
  "HTTP/1.1 100 Continue",
  "HTTP/1.1 103 Early Hints",
  "HTTP/1.1 204 No Content",
  "HTTP/1.1 999 Odd",
  "HTTP/9.9 200 OK",
  "ICY 200 OK",
);
const field = fc.constantFrom(
  "Content-Length: 10",
  "Content-Length: 11",
  "Content-Length: -1",
  "Content-Length: 99999999999999999999",
  "Transfer-Encoding: chunked",
  "Content-Encoding: peerdist",
  "Content-Encoding: gzip, peerdist",
  "X-P2P-PeerDist: Version=1.1, ContentLength=10",
  "X-P2P-PeerDist: Version=1.1, ContentLength=9007199254740991",
  "X-P2P-PeerDist: ,,=,Version=,",
  "X-P2P-PeerDistEx: MakeHashRequest=true, HashRequest",
  "Content-Range: bytes 0-9/10",
  "Content-Range: bytes 9-0/*",
  'ETag: "v1"',
  "ETag: junk",
  "Last-Modified: never",
  "Location: /",
  "Location: http://[",
  "Connection: close",
  "Upgrade: h2c",
  ": nameless",
  "no colon",
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constant(new TextEncoder().encode("a\r\n0123456789\r\n0\r\n\r\n")),
);

describe("an origin that sends anything", () => {
  let server: TestServer;
  let client: OriginClient;
  let reply: readonly (string | Uint8Array)[] = [];

  beforeEach(async () => {
    server = await listenRaw((socket) => {
      socket.on("data", () => {
        for (const part of reply) socket.write(part);
        socket.end();
      });
    });
    client = originClient({ clock: systemClock, maxRedirects: 1 });
  });
  afterEach(async () => {
    await client.close();
    await server.close();
  });

  it("gives an answer or an OriginError, and nothing else", async () => {
    const codes = new Set<string | undefined>();
    await fc.assert(
      fc.asyncProperty(
        statusLine,
        fc.array(field, { maxLength: 6 }),
        body,
        fc.boolean(),
        async (line, fields, bytes, range) => {
          reply = [`${[line, ...fields].join("\r\n")}\r\n\r\n`, bytes];
          try {
            const answer = range
              ? await client.range(server.url, { startBytes: 0, endBytes: 10 }, { etag: '"v1"' })
              : await client.open(server.url);
            if ("body" in answer) await readAll(answer.body);
            codes.add(answer.kind);
          } catch (error) {
            expect(errorCode(error)).toMatch(/^BC_ORIGIN_/);
            codes.add(errorCode(error));
          }
        },
      ),
      { numRuns: 300 },
    );
    // The examples reach well beyond the first refusal.
    expect(codes.size).toBeGreaterThan(3);
  });
});
