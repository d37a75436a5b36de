import type { IncomingMessage, ServerResponse } from "node:http";
import { equalBytes } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { afterEach, describe, expect, it } from "vitest";
import { type OriginClient, originClient, type Validator } from "../../../src/node.ts";
import { exampleContent, listen, readAll, type TestServer } from "../http-fixture.ts";

const content = exampleContent(70_000);
const RANGE = { startBytes: 65_536, endBytes: 65_540 };
const KNOWN: Validator = { etag: '"v1"', sizeBytes: content.length };
const MODIFIED = "Mon, 12 Jan 1970 13:46:40 GMT";

describe("missing data", () => {
  let server: TestServer;
  let client: OriginClient;
  let request: IncomingMessage | undefined;
  afterEach(async () => {
    await client.close();
    await server.close();
  });

  async function ask(
    handler: (response: ServerResponse) => void,
    validator: Validator = KNOWN,
    range = RANGE,
  ) {
    server = await listen((incoming, response) => {
      request = incoming;
      handler(response);
    });
    client = originClient({ clock: systemClock });
    return client.range(`${server.url}/file`, range, validator);
  }

  const answer =
    (status: number, headers: Record<string, string | number>, body: Uint8Array = new Uint8Array(0)) =>
    (response: ServerResponse) => {
      response.writeHead(status, { "Content-Length": body.length, ...headers });
      response.end(body);
    };
  const part = content.subarray(RANGE.startBytes, RANGE.endBytes);
  const PART = { "Content-Range": "bytes 65536-65539/70000", ETag: '"v1"' };

  it("PCCRTP-12 PCCRTP-13 asks for the bytes without the coding, guarded by the validator", async () => {
    const result = await ask(answer(206, PART, part));
    expect(result.kind === "range" && equalBytes(await readAll(result.body), part)).toBe(true);
    expect(request?.headers).toMatchObject({
      range: "bytes=65536-65539",
      "if-range": '"v1"',
      "accept-encoding": "identity",
      "x-p2p-peerdist": "Version=1.1, MissingDataRequest=true",
    });
    expect(request?.headers["x-p2p-peerdistex"]).toBeUndefined();
  });

  it.each<[Validator, string | undefined]>([
    [{ etag: '"v1"', lastModified: MODIFIED }, '"v1"'],
    [{ etag: 'W/"v1"', lastModified: MODIFIED }, MODIFIED],
    [{ etag: 'W/"v1"' }, undefined],
    [{}, undefined],
  ])("PCCRTP-38 If-Range for %j is %j", async (validator, expected) => {
    const result = await ask(answer(206, { "Content-Range": PART["Content-Range"] }, part), validator);
    expect(result.kind).toBe("range");
    expect(request?.headers["if-range"]).toBe(expected);
  });

  it.each<[string, number, Record<string, string | number>, Validator]>([
    ["412", 412, {}, KNOWN],
    ["416", 416, { "Content-Range": "bytes */10" }, KNOWN],
    ["206 with another ETag", 206, { ...PART, ETag: '"v2"' }, KNOWN],
    ["206 with another total", 206, { ...PART, "Content-Range": "bytes 65536-65539/70001" }, KNOWN],
    [
      "206 with another Last-Modified",
      206,
      { ...PART, "Last-Modified": MODIFIED },
      { lastModified: "Tue, 13 Jan 1970 13:46:40 GMT" },
    ],
    ["206 cut off at the new end", 206, { "Content-Range": "bytes 65536-65537/65538" }, {}],
    ["200 with another ETag", 200, { ETag: '"v2"', "Content-Length": content.length }, KNOWN],
    ["200 without a validator", 200, { "Content-Length": content.length }, KNOWN],
    ["200 with another length", 200, { ETag: '"v1"', "Content-Length": 5 }, KNOWN],
  ])("PCCRTP-38 changed: %s", async (_name, status, headers, validator) => {
    const result = await ask((response) => {
      response.writeHead(status, headers);
      response.flushHeaders();
      response.destroy();
    }, validator);
    expect(result).toEqual({ kind: "changed" });
  });

  it.each<[string, Validator, Record<string, string>]>([
    ["the same ETag", KNOWN, { ETag: '"v1"' }],
    ["the same length, where nothing else is known", { sizeBytes: content.length }, {}],
  ])("cuts the range out of a whole answer with %s", async (_name, validator, headers) => {
    const result = await ask(answer(200, headers, content), validator);
    expect(result.kind === "range" && equalBytes(await readAll(result.body), part)).toBe(true);
  });

  it.each<[string, number, Record<string, string>, string]>([
    ["404", 404, {}, "BC_ORIGIN_STATUS"],
    ["500", 500, {}, "BC_ORIGIN_STATUS"],
    ["206 without Content-Range", 206, {}, "BC_ORIGIN_ANSWER"],
    ["206 with another part", 206, { "Content-Range": "bytes 0-3/70000" }, "BC_ORIGIN_ANSWER"],
    ["a shorter part", 206, { "Content-Range": "bytes 65536-65538/70000" }, "BC_ORIGIN_ANSWER"],
    ["the coding", 206, { ...PART, "Content-Encoding": "peerdist" }, "BC_ORIGIN_ANSWER"],
    ["gzip", 200, { ETag: '"v1"', "Content-Encoding": "gzip" }, "BC_ORIGIN_ANSWER"],
  ])("PCCRTP-41 fails on %s", async (_name, status, headers, code) => {
    await expect(ask(answer(status, headers, part))).rejects.toMatchObject({ code, peerStatus: status });
  });

  it.each([
    ["too few", part.subarray(1)],
    ["too many", content.subarray(0, 10)],
  ])("fails on %s bytes", async (_name, body) => {
    const result = await ask(answer(206, PART, body));
    if (result.kind === "changed") throw new Error("not changed");
    await expect(readAll(result.body)).rejects.toMatchObject({ code: "BC_ORIGIN_CLOSED" });
  });

  it("fails on a whole answer that ends before the range", async () => {
    const result = await ask((response) => {
      response.writeHead(200, { ETag: '"v1"' });
      response.end(content.subarray(0, 100));
    });
    if (result.kind === "changed") throw new Error("not changed");
    await expect(readAll(result.body)).rejects.toMatchObject({ code: "BC_ORIGIN_CLOSED" });
  });

  it("lets go of a part that is not wanted", async () => {
    const result = await ask(answer(206, PART, part));
    if (result.kind === "range") result.discard();
    expect(result.kind).toBe("range");
  });
});
