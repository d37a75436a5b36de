import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { equalBytes, errorCode } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { type ManualClock, manualClock } from "@branchcache/runtime/testing";
import { Agent } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import {
  type OriginAnswer,
  type OriginClient,
  type OriginClientOptions,
  originClient,
} from "../../../src/node.ts";
import { exampleContent, listen, listenRaw, readAll, type TestServer } from "../http-fixture.ts";

const content = exampleContent(70_000);
const CI = new Uint8Array(172).fill(2);

describe("originClient", () => {
  const closing: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of closing.splice(0).reverse()) await one.close();
  });

  function client(options: Partial<OriginClientOptions> = {}): OriginClient {
    const made = originClient({ clock: systemClock, ...options });
    closing.push(made);
    return made;
  }

  async function serve(
    handler: (request: IncomingMessage, response: ServerResponse) => void,
  ): Promise<TestServer> {
    const server = await listen(handler);
    closing.push(server);
    return server;
  }

  /** Answers every connection's first bytes with this text and body. */
  async function raw(text: string, body: Uint8Array = new Uint8Array(0), end = true): Promise<TestServer> {
    return rawWith((socket) => {
      socket.once("data", () => {
        socket.write(text.replaceAll("\n", "\r\n"));
        socket.write(body);
        if (end) socket.end();
      });
    });
  }

  /** Takes a request and says nothing. */
  async function silent() {
    let onReceived = (): void => {};
    const received = new Promise<void>((resolve) => {
      onReceived = resolve;
    });
    const server = await rawWith((socket) => socket.once("data", () => onReceived()));
    return { server, received };
  }

  async function rawWith(onConnection: (socket: Socket) => void): Promise<TestServer> {
    const server = await listenRaw(onConnection);
    closing.push(server);
    return server;
  }

  const coded =
    (headers: Record<string, string | number>, body = CI) =>
    (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { "Content-Encoding": "peerdist", "Content-Length": body.length, ...headers });
      response.end(body);
    };
  const GOOD = { "X-P2P-PeerDist": "Version=1.1, ContentLength=70000", ETag: '"v1"' };

  async function readContent(answer: OriginAnswer): Promise<Uint8Array> {
    if (answer.kind !== "content") throw new Error(`${answer.kind} where content was due`);
    return readAll(answer.body);
  }

  describe("the offer", () => {
    async function sent(options: Parameters<OriginClient["open"]>[1]) {
      let headers: IncomingMessage["rawHeaders"] = [];
      const server = await serve((request, response) => {
        headers = request.rawHeaders;
        response.end("x");
      });
      await readContent(await client().open(server.url, options));
      const pairs: [string, string][] = [];
      for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i] ?? "", headers[i + 1] ?? ""]);
      return Object.fromEntries(pairs.filter(([name]) => !/^(host|connection)$/i.test(name)));
    }

    it("PCCRTP-4 PCCRTP-9 PCCRTP-14 PCCRTP-15 PCCRTP-19 PCCRTP-20 PCCRTP-21 says what is published, to the letter", async () => {
      expect(await sent({})).toEqual({
        "Accept-Encoding": "peerdist, identity",
        "X-P2P-PeerDist": "Version=1.1",
        "X-P2P-PeerDistEx": "MinContentInformation=1.0, MaxContentInformation=2.0",
      });
    });

    it("PCCRTP-15 PCCRTP-17 for version 1.0 only, and as a hash request", async () => {
      expect(await sent({ versions: 1, hashRequest: true })).toMatchObject({
        "X-P2P-PeerDistEx": "MinContentInformation=1.0, MaxContentInformation=1.0, HashRequest=true",
      });
    });

    it("PCCRTP-1 is left out where it is not wanted", async () => {
      expect(await sent({ offer: false })).toEqual({ "Accept-Encoding": "identity" });
    });

    it("keeps the caller's fields, but for ours", async () => {
      const fields = await sent({
        headers: { "x-p2p-peerdist": "junk", "accept-encoding": "gzip", "X-Own": "1" },
      });
      expect(fields).toMatchObject({ "X-Own": "1", "X-P2P-PeerDist": "Version=1.1" });
      expect(fields["accept-encoding"]).toBeUndefined();
    });
  });

  describe("answers", () => {
    it("PCCRTP-5 PCCRTP-11 hands over Content Information with its validator", async () => {
      const server = await serve(coded({ ...GOOD, "Last-Modified": "Mon, 12 Jan 1970 13:46:40 GMT" }));
      const answer = await client().open(`${server.url}/file?q=1`);
      expect(answer).toMatchObject({
        kind: "content-information",
        contentLengthBytes: 70_000,
        validator: { etag: '"v1"', lastModified: "Mon, 12 Jan 1970 13:46:40 GMT", sizeBytes: 70_000 },
        finalUrl: `${server.url}/file?q=1`,
      });
      expect(answer.kind === "content-information" && answer.bytes).toEqual(CI);
    });

    it("shows no credentials in the final URL", async () => {
      const server = await serve(coded(GOOD));
      const answer = await client().open(`${server.url.replace("//", "//user:secret@")}/file#part`);
      expect(answer.finalUrl).toBe(`${server.url}/file`);
    });

    it("trap T11 reads Content Information in chunks", async () => {
      const server = await serve((_request, response) => {
        response.writeHead(200, { "Content-Encoding": "PeerDist", ...GOOD });
        for (const byte of CI) response.write(Uint8Array.of(byte));
        response.end();
      });
      expect(await client().open(server.url)).toMatchObject({ kind: "content-information", bytes: CI });
    });

    it("trap T9 takes a part's range from Content-Range", async () => {
      const server = await serve((_request, response) => {
        response.writeHead(206, {
          "Content-Encoding": "peerdist",
          "Content-Range": "bytes 100-69999/80000",
          "Content-Length": CI.length,
          "X-P2P-PeerDist": "Version=1.1, ContentLength=12345",
        });
        response.end(CI);
      });
      expect(await client().open(server.url, { headers: { Range: "bytes=100-69999" } })).toMatchObject({
        kind: "content-information",
        contentLengthBytes: 69_900,
        range: { startBytes: 100, endBytes: 70_000 },
        validator: { sizeBytes: 80_000 },
      });
    });

    it.each([
      [{}, false],
      [{ "X-P2P-PeerDist": "Version=1.1", "X-P2P-PeerDistEx": "MakeHashRequest=true" }, true],
      [{ "X-P2P-PeerDistEx": "makehashrequest=TRUE" }, true],
      [{ "X-P2P-PeerDistEx": "MakeHashRequest=false" }, false],
    ])(
      "PCCRTP-6 PCCRTP-16 PCCRTP-24 hands over content, with %j: ask again %s",
      async (headers, makeHashRequest) => {
        const server = await serve((_request, response) => {
          response.writeHead(200, { ETag: '"v1"', "Content-Length": content.length, ...headers });
          response.end(content);
        });
        const answer = await client().open(server.url);
        expect(answer).toMatchObject({
          kind: "content",
          lengthBytes: content.length,
          makeHashRequest,
          validator: { etag: '"v1"', sizeBytes: content.length },
        });
        expect(equalBytes(await readContent(answer), content)).toBe(true);
      },
    );

    it("content of unknown length", async () => {
      const server = await serve((_request, response) => {
        response.write("ab");
        response.end("c");
      });
      const answer = await client().open(server.url);
      expect(answer).not.toHaveProperty("lengthBytes");
      expect(await readContent(answer)).toEqual(new TextEncoder().encode("abc"));
    });

    it("lets go of a body that is not wanted, and goes on", async () => {
      const server = await serve((request, response) => {
        if (request.url === "/next") response.end("x");
        else {
          response.writeHead(200, { "Content-Length": 10_000_000_000 });
          response.write(content);
        }
      });
      const origin = client();
      const answer = await origin.open(server.url);
      if (answer.kind === "content") answer.discard();
      expect(await readContent(await origin.open(`${server.url}/next`))).toHaveLength(1);
    });

    it.each<[string, Record<string, string | number>]>([
      ["gzip", { ...GOOD, "Content-Encoding": "gzip" }],
      ["gzip under peerdist", { ...GOOD, "Content-Encoding": "gzip, peerdist" }],
      ["no X-P2P-PeerDist", { ETag: '"v1"' }],
      ["no ContentLength", { "X-P2P-PeerDist": "Version=1.1" }],
      ["an empty content", { "X-P2P-PeerDist": "Version=1.1, ContentLength=0" }],
      ["coding version 2.0", { "X-P2P-PeerDist": "Version=2.0, ContentLength=70000" }],
    ])("PCCRTP-31 PCCRTP-33 refuses %s", async (_name, headers) => {
      const server = await serve(coded(headers));
      await expect(client().open(server.url)).rejects.toMatchObject({
        code: "BC_ORIGIN_ANSWER",
        peerStatus: 200,
      });
    });

    it("PCCRTP-2 refuses the coding where it was not offered", async () => {
      const server = await serve(coded(GOOD));
      await expect(client().open(server.url, { offer: false })).rejects.toMatchObject({
        code: "BC_ORIGIN_ANSWER",
      });
    });

    it.each([true, false])(
      "refuses Content Information out of proportion, declared: %s",
      async (declared) => {
        const server = await serve((_request, response) => {
          const large = new Uint8Array(7_000);
          response.writeHead(200, {
            "Content-Encoding": "peerdist",
            ...GOOD,
            ...(declared && { "Content-Length": large.length }),
          });
          response.write(large);
          response.end();
        });
        await expect(client().open(server.url)).rejects.toMatchObject({
          code: "BC_ORIGIN_ANSWER",
          message: expect.stringContaining("more than 6283 bytes"),
        });
      },
    );

    it("refuses a 206 that does not say which part it is", async () => {
      const server = await serve((_request, response) => {
        response.writeHead(206);
        response.end("x");
      });
      await expect(client().open(server.url)).rejects.toMatchObject({ code: "BC_ORIGIN_ANSWER" });
    });
  });

  describe("failures", () => {
    it.each([304, 401, 404, 410, 500, 503])("PCCRTP-41 status %i", async (status) => {
      const server = await serve((_request, response) => {
        response.statusCode = status;
        response.end();
      });
      const url = server.url.replace("//", "//user:secret@");
      await expect(client().open(`${url}/path?token=secret`)).rejects.toMatchObject({
        code: "BC_ORIGIN_STATUS",
        peerStatus: status,
        message: `${server.url}/path answered with status ${status}`,
      });
    });

    it("nobody listens", async () => {
      const server = await listen(() => {});
      await server.close();
      const failure = await client()
        .open(`${server.url}/x?token=secret`)
        .catch((error: Error) => error);
      expect(failure).toMatchObject({ code: "BC_ORIGIN_UNREACHABLE", peerStatus: undefined });
      expect(String(failure)).toContain(`${server.url}/x cannot be reached (ECONNREFUSED)`);
      expect(String(failure)).not.toContain("secret");
    });

    it("no such host", async () => {
      await expect(client().open("http://nothing.invalid/")).rejects.toMatchObject({
        code: "BC_ORIGIN_UNREACHABLE",
      });
    });

    it.each(["", "file", "ftp://host/x", "file:///etc/passwd"])("no http URL: %j", async (url) => {
      await expect(client().open(url)).rejects.toMatchObject({ code: "BC_ORIGIN_URL" });
    });

    it("closed without an answer", async () => {
      const server = await rawWith((socket) => socket.once("data", () => socket.end()));
      await expect(client().open(server.url)).rejects.toMatchObject({ code: "BC_ORIGIN_CLOSED" });
    });

    it("not HTTP", async () => {
      const server = await raw("SSH-2.0-OpenSSH_9.2\n");
      await expect(client().open(server.url)).rejects.toMatchObject({ code: "BC_ORIGIN_ANSWER" });
    });

    it("content shorter than announced", async () => {
      const server = await raw("HTTP/1.1 200 OK\nContent-Length: 100\n\n", new Uint8Array(60));
      const answer = await client().open(server.url);
      await expect(readContent(answer)).rejects.toMatchObject({ code: "BC_ORIGIN_CLOSED" });
    });

    it("a part whose length does not fit its range", async () => {
      const server = await raw(
        "HTTP/1.1 206 Partial Content\nContent-Range: bytes 0-99/200\nContent-Length: 60\n\n",
        new Uint8Array(60),
      );
      const answer = await client().open(server.url);
      await expect(readContent(answer)).rejects.toMatchObject({
        code: "BC_ORIGIN_CLOSED",
        message: `${server.url}/ sent 60 of 100 bytes`,
      });
    });

    it("Content Information shorter than announced", async () => {
      const server = await raw(
        "HTTP/1.1 200 OK\nContent-Encoding: peerdist\nX-P2P-PeerDist: Version=1.1, ContentLength=70000\nContent-Length: 172\n\n",
        new Uint8Array(100),
      );
      await expect(client().open(server.url)).rejects.toMatchObject({ code: "BC_ORIGIN_CLOSED" });
    });

    it.each([
      ["closed", "destroy"],
      ["reset", "resetAndDestroy"],
    ] as const)("asks again where a connection kept from before turns out %s", async (_, end) => {
      let requests = 0;
      const server = await rawWith((socket) => {
        socket.on("data", () => {
          requests++;
          // Answers one request a connection, and says nothing of it.
          if (requests === 2) socket[end]();
          else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
        });
      });
      const dispatcher = new Agent({ connections: 1 });
      closing.push({ close: () => dispatcher.destroy() });
      const origin = client({ dispatcher });
      await readContent(await origin.open(server.url));
      expect(await readContent(await origin.open(server.url))).toHaveLength(1);
      expect(requests).toBe(3);
    });
  });

  describe("time", () => {
    /** Until a timer with this delay is set. */
    async function until(clock: ManualClock, ms: number): Promise<void> {
      while (clock.nextInMs !== ms) await clock.settle();
    }

    it("no answer in time", async () => {
      const clock = manualClock();
      const { server, received } = await silent();
      const failure = client({ clock, headersTimeoutMs: 3_000 })
        .open(server.url)
        .catch((error: unknown) => error);
      await received;
      await clock.advance(2_999);
      expect(clock.nextInMs).toBe(1);
      await clock.advance(1);
      expect(await failure).toMatchObject({
        code: "BC_ORIGIN_UNREACHABLE",
        message: `${server.url}/ did not answer: no result within 3000 ms`,
      });
    });

    it("a body that stops", async () => {
      const clock = manualClock();
      const server = await raw("HTTP/1.1 200 OK\nContent-Length: 100\n\n", new Uint8Array(60), false);
      const answer = await client({ clock, idleTimeoutMs: 2_000 }).open(server.url);
      const failure = readContent(answer).catch((error: unknown) => error);
      await until(clock, 2_000);
      // The first piece may still be under way: each new wait begins anew.
      for (let round = 0; round < 50; round++) await clock.settle();
      await clock.advance(2_000);
      expect(await failure).toMatchObject({ code: "BC_ORIGIN_CLOSED" });
      expect(String(await failure)).toContain("stopped sending");
    });

    it.each(["before", "during", "after"])(
      "gives up with the caller's reason, aborted %s the head",
      async (when) => {
        const reason = new Error("the reader has left");
        const controller = new AbortController();
        const server = await rawWith((socket) =>
          socket.once("data", () => {
            if (when === "during") controller.abort(reason);
            else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx");
          }),
        );
        if (when === "before") controller.abort(reason);
        const work = async () => {
          const answer = await client().open(server.url, { signal: controller.signal });
          const body = readContent(answer);
          controller.abort(reason);
          return body;
        };
        await expect(work()).rejects.toBe(reason);
      },
    );

    it("gives up what is under way when closed, twice if need be", async () => {
      const { server, received } = await silent();
      const origin = client();
      const failure = origin.open(server.url).catch(errorCode);
      await received;
      await origin.close();
      await origin.close();
      expect(await failure).toMatch(/^BC_ORIGIN_/);
      expect(await origin.open(server.url).catch(errorCode)).toBe("BC_ORIGIN_CLOSED");
    });

    it("leaves the caller's dispatcher open", async () => {
      const server = await serve((_request, response) => response.end("x"));
      const dispatcher = new Agent();
      closing.push({ close: () => dispatcher.destroy() });
      const first = client({ dispatcher });
      await readContent(await first.open(server.url));
      await first.close();
      expect(await readContent(await client({ dispatcher }).open(server.url))).toHaveLength(1);
    });
  });

  describe("redirects", () => {
    it("are followed, and credentials stay at home", async () => {
      const seen: Record<string, unknown>[] = [];
      const record = ({ headers }: IncomingMessage) =>
        seen.push({ authorization: headers.authorization, cookie: headers.cookie, own: headers["x-own"] });
      const away = await serve((request, response) => {
        record(request);
        coded(GOOD)(request, response);
      });
      const home = await serve((request, response) => {
        record(request);
        const target = request.url === "/a" ? "/b" : `${away.url}/c?d#e`;
        response.writeHead(request.url === "/a" ? 301 : 307, { Location: target });
        response.end("moved");
      });
      const answer = await client().open(`${home.url.replace("//", "//user:p%40ss@")}/a`, {
        headers: { Cookie: "id=1", "X-Own": "1" },
      });
      expect(answer).toMatchObject({ kind: "content-information", finalUrl: `${away.url}/c?d` });
      const basic = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
      expect(seen).toEqual([
        { authorization: basic, cookie: "id=1", own: "1" },
        { authorization: basic, cookie: "id=1", own: "1" },
        { authorization: undefined, cookie: undefined, own: "1" },
      ]);
    });

    it.each([
      ["in circles", "/again"],
      ["to another scheme", "file:///etc/passwd"],
      ["to nothing", "http://"],
    ])("fail when they lead %s", async (_where, location) => {
      let requests = 0;
      const server = await serve((_request, response) => {
        requests++;
        response.writeHead(302, { Location: location });
        response.end();
      });
      await expect(client({ maxRedirects: 3 }).open(server.url)).rejects.toMatchObject({
        code: "BC_ORIGIN_REDIRECT",
      });
      expect(requests).toBe(location === "/again" ? 4 : 1);
    });

    it("without Location are a status like any other", async () => {
      const server = await serve((_request, response) => {
        response.statusCode = 302;
        response.end();
      });
      await expect(client().open(server.url)).rejects.toMatchObject({
        code: "BC_ORIGIN_STATUS",
        peerStatus: 302,
      });
    });
  });
});
