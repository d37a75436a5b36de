/** What passes the gateway: headers, bodies, failures, slow ends. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { createPublisher } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { afterEach, describe, expect, it } from "vitest";
import { createGateway } from "../../../src/node.ts";
import { exampleContent, exchangeRaw, listenRaw, requestText, type TestServer } from "../http-fixture.ts";
import {
  gatewayBefore,
  OFFER,
  serveFile,
  type TestGateway,
  type TestOrigin,
  testOrigin,
} from "./gateway-fixture.ts";

const content = exampleContent(300_001);
/** Quickly made. */
const large = Buffer.alloc(16_000_000, content.subarray(0, 251));
let gateway: TestGateway;
let server: TestServer | undefined;
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await server?.close();
});

async function start(
  handler: Parameters<typeof testOrigin>[0],
  options: Parameters<typeof gatewayBefore>[1] = {},
): Promise<TestOrigin> {
  const origin = await testOrigin(handler);
  server = origin;
  gateway = await gatewayBefore(origin.url, options);
  return origin;
}

const send = (text: string) => exchangeRaw(gateway.port, text);
const get = (headers: Record<string, string> = {}, target = "/file", method = "GET") =>
  send(requestText(target, headers, method));

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** What comes back over a raw connection until it is closed. */
async function until(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("error", () => {});
  await once(socket, "close");
  return Buffer.concat(parts).toString("latin1");
}

describe("headers", () => {
  it("hop by hop fields stay behind, in both directions, also those that Connection names", async () => {
    const origin = await start((_request, response) => {
      response.setHeader("Connection", "X-Hop, keep-alive");
      response.setHeader("X-Hop", "1");
      response.setHeader("X-End", "1");
      response.setHeader("Proxy-Authenticate", "Basic");
      response.end("ok");
    });
    const answer = await get({
      Connection: "keep-alive, X-Mine, Cookie",
      "X-Mine": "1",
      Cookie: "kept=1",
      "Keep-Alive": "timeout=5",
      "Proxy-Authorization": "Basic x",
      TE: "trailers",
      Via: "1.1 edge",
    });
    expect(answer.headers).toMatchObject({ "x-end": "1" });
    expect(answer.headers).not.toHaveProperty("x-hop");
    expect(answer.headers).not.toHaveProperty("proxy-authenticate");
    const seen = origin.seen[0]?.headers ?? {};
    expect(Object.keys(seen).sort()).toEqual(["connection", "cookie", "host", "via"]);
  });

  it("Expect is answered by the gateway", async () => {
    const origin = await start((_request, response) => response.end("ok"));
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write(
      "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\nConnection: close\r\n\r\n",
    );
    const [interim] = (await once(socket, "data")) as [Buffer];
    expect(interim.toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    socket.write("a");
    expect(await until(socket)).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(origin.seen[0]?.headers).not.toHaveProperty("expect");
  });

  it("repeated fields, their order and their bytes are kept", async () => {
    const origin = await start((_request, response) => {
      response.writeHead(200, [
        "Set-Cookie",
        "a=1",
        "Set-Cookie",
        "b=2",
        "X-Name",
        "caf\u00e9",
        "Content-Length",
        "0",
      ]);
      response.end();
    });
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-A: 2\r\nConnection: close\r\n\r\n");
    const text = await until(socket);
    expect(text).toContain("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Name: caf\u00e9\r\n");
    expect(origin.seen[0]?.headers["x-a"]).toBe("1, 2");
  });

  it.each([
    ["client", "content.example"],
    ["origin", /^127\.0\.0\.1:\d+$/],
  ] as const)("Host is the %s's by setting", async (hostHeader, host) => {
    const origin = await start((_request, response) => response.end("ok"), { hostHeader });
    await get();
    expect(origin.seen[0]?.headers.host).toMatch(host);
  });

  it("a redirect to the origin's own name stays at the gateway", async () => {
    const origin = await start(
      (request, response) =>
        response.writeHead(302, { Location: `http://${request.headers.host}/b`, "Content-Length": 0 }).end(),
      { hostHeader: "origin" },
    );
    expect((await get()).headers["location"]).toBe("/b");
    expect(origin.seen).toHaveLength(1);
  });

  const sent = {
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Host": "www.example",
    "X-Forwarded-Proto": "https",
  };
  it.each([
    ["keep", sent, ["192.0.2.1", "www.example", "https"]],
    ["keep", {}, [undefined, undefined, undefined]],
    ["append", sent, ["192.0.2.1, 127.0.0.1", "www.example", "https"]],
    ["append", {}, ["127.0.0.1", "content.example", "http"]],
    ["replace", sent, ["127.0.0.1", "content.example", "http"]],
  ] as const)("X-Forwarded: %s of %o", async (forwarded, headers, expected) => {
    const origin = await start((_request, response) => response.end("ok"), { forwarded });
    await get(headers);
    const seen = origin.seen[0]?.headers ?? {};
    expect(Object.keys(sent).map((name) => seen[name.toLowerCase()])).toEqual(expected);
  });

  it("the origin's path comes before the request's", async () => {
    const origin = await testOrigin((_request, response) => response.end("ok"));
    server = origin;
    gateway = await gatewayBefore(`${origin.url}/app/`);
    await get({}, "/a%2Fb?c=d");
    await send("GET http://other.example/x HTTP/1.1\r\nHost: content.example\r\n\r\n");
    expect(origin.seen.map(({ url }) => url)).toEqual(["/app/a%2Fb?c=d", "/app/x"]);
    expect(origin.seen[1]?.headers.host).toBe("other.example");
  });

  it.each(["ftp://a", "http://u:p@a/", "http://a/?q", "a:80", ""])("refuses the origin %s", (origin) => {
    expect(() => createGateway({ origin } as never)).toThrow(
      expect.objectContaining({ code: "BC_ORIGIN_URL" }),
    );
  });
});

describe("bodies and methods", () => {
  it.each(["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])(
    "%s passes with its body, coding or not",
    async (method) => {
      const bodies: Buffer[] = [];
      await start(async (request, response) => {
        bodies.push(await readBody(request));
        response.writeHead(201, { "Content-Length": 2 }).end("ok");
      });
      const head = `${method} /x HTTP/1.1\nHost: a\nAccept-Encoding: peerdist\nX-P2P-PeerDist: Version=1.1\n`;
      expect((await send(`${head}Content-Length: 5\n\nhello`)).status).toBe(201);
      expect((await send(`${head}Transfer-Encoding: chunked\n\n3\nabc\n0\n\n`)).status).toBe(201);
      expect(bodies.map(String)).toEqual(["hello", "abc"]);
    },
  );

  it("a large upload passes as it comes, to an origin that reads slowly", async () => {
    const upload = large.subarray(0, 4_000_000);
    let received: Buffer | undefined;
    await start(async (request, response) => {
      received = await readBody(request);
      response.end("ok");
    });
    const answer = await fetch(`${gateway.url}/up`, { method: "PUT", body: Uint8Array.from(upload) });
    expect(await answer.text()).toBe("ok");
    expect(received?.equals(upload)).toBe(true);
  });

  it("content of unknown length passes as it comes", async () => {
    let more = (): void => {};
    await start((_request, response) => {
      response.write("first");
      more = () => response.end("last");
    });
    const answer = await fetch(gateway.url);
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("first");
    more();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("last");
  });

  it("a head arrives before its body does", async () => {
    await start((_request, response) => response.flushHeaders());
    const answer = await fetch(gateway.url);
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
  });

  it.each([
    ["CONNECT", "CONNECT a:443 HTTP/1.1\nHost: a:443\n\n", 405],
    ["a WebSocket", "GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\n\n", 501],
    ["a host that is none", "GET / HTTP/1.1\nHost: a b\n\n", 400],
    ["an asterisk", "OPTIONS * HTTP/1.1\nHost: a\n\n", 400],
  ])("refuses %s", async (_name, text, status) => {
    const origin = await start((_request, response) => response.end("ok"));
    expect((await send(text)).status).toBe(status);
    expect(origin.seen).toEqual([]);
  });

  it("HTTP/1.0 without Host gets its answer, closed at its end", async () => {
    await start((_request, response) => response.write("a") && response.end("b"));
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write("GET / HTTP/1.0\r\n\r\n");
    const text = await until(socket);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text.toLowerCase()).not.toContain("chunked");
    expect(text.endsWith("\r\n\r\nab")).toBe(true);
  });
});

describe("an origin that fails", () => {
  async function raw(onConnection: (socket: Socket, connections: number) => void, options = {}) {
    let connections = 0;
    server = await listenRaw((socket) => onConnection(socket, ++connections));
    gateway = await gatewayBefore(server.url, options);
  }
  const answering = (text: string) => (socket: Socket) => socket.once("data", () => socket.end(text));
  const reasons = () =>
    gateway.observer.events
      .filter(({ name }) => name === "origin.failed")
      .map(({ fields }) => fields?.["reason"]);

  it("is not there: 502", async () => {
    const gone = await listenRaw(() => {});
    await gone.close();
    gateway = await gatewayBefore(gone.url);
    expect((await get()).status).toBe(502);
    expect((await send("POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc")).status).toBe(502);
    expect(reasons()).toEqual(["ECONNREFUSED", "ECONNREFUSED"]);
  });

  it("does not answer: 504", async () => {
    await raw(() => {}, { originTimeoutMs: 50 });
    expect((await get()).status).toBe(504);
  });

  it("speaks no HTTP: 502", async () => {
    await raw(answering("SSH-2.0-x\r\n"));
    expect((await get()).status).toBe(502);
  });

  it.each([
    ["less", 500_000, {}],
    ["less, to who offers the coding", 500_000, OFFER],
  ])(
    "announces more and sends %s: the client sees it broken off, and nothing is hashed",
    async (_n, lengthBytes, offer) => {
      const body = Buffer.from(content).toString("latin1");
      await raw((socket) =>
        socket.once("data", () =>
          socket.end(
            `HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: ${lengthBytes}\r\n\r\n${body}`,
            "latin1",
          ),
        ),
      );
      const socket = connect(gateway.port, "127.0.0.1");
      socket.write(requestText("/file", offer as Record<string, string>).replaceAll("\n", "\r\n"));
      const text = await until(socket);
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(text.length).toBeLessThan(lengthBytes);
      expect(gateway.hashed()).toBe(0);
      expect(reasons()).toHaveLength(1);
    },
  );

  it("breaks off a chunked body: no last chunk", async () => {
    await raw(answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await until(socket)).endsWith("3\r\nabc\r\n")).toBe(true);
  });

  it.each([
    ["closes", "destroy"],
    ["resets", "resetAndDestroy"],
  ] as const)("%s a connection that was kept: asked once more", async (_, end) => {
    const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    await raw((socket, connections) => {
      socket.once("data", () => {
        socket.write(ok);
        socket.once("data", () => (connections === 1 ? socket[end]() : socket.write(ok)));
      });
    });
    expect((await get()).status).toBe(200);
    expect((await get()).status).toBe(200);
    expect(reasons()).toEqual([]);
  });

  it("an answer of two lengths is none", async () => {
    await raw(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"));
    expect((await get()).status).toBe(502);
  });
});

describe("slow ends", () => {
  it("a client that does not read holds little, and its hashing goes on beside it", async () => {
    const origin = await start(serveFile(large), { slowClientMs: 20 });
    const socket = connect(gateway.port, "127.0.0.1");
    await once(socket, "connect");
    socket.pause();
    socket.write(requestText("/file", OFFER).replaceAll("\n", "\r\n"));
    await gateway.whenHashed();
    expect(origin.seen).toHaveLength(2);
    socket.destroy();
  });

  it("a client that leaves ends the origin's answer", async () => {
    let closed = (): void => {};
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    await start((_request, response) => {
      response.once("close", closed);
      response.write("a");
    });
    const answer = await fetch(gateway.url);
    await answer.body?.cancel();
    await gone;
    expect(gateway.observer.events.filter(({ name }) => name === "origin.failed")).toEqual([]);
  });

  it("hashing that stands still holds the client no longer than it may", async () => {
    const origin = await start(serveFile(large), {
      slowHashingMs: 20,
      hashStream: async (source, signal) => {
        let first = true;
        for await (const _ of source) {
          if (!first || origin.seen.length > 1) continue;
          first = false;
          await passed;
        }
        signal.throwIfAborted();
        return {};
      },
    });
    let release = (): void => {};
    const passed = new Promise<void>((resolve) => {
      release = resolve;
    });
    const answer = await fetch(`${gateway.url}/file`, { headers: OFFER });
    expect(large.equals(new Uint8Array(await answer.arrayBuffer()))).toBe(true);
    release();
    await gateway.whenHashed();
    expect(origin.seen).toHaveLength(2);
  });

  it("hashing slower than the client slows the client, and nothing is fetched twice", async () => {
    let release = (): void => {};
    const origin = await start(serveFile(large), {
      slowHashingMs: 60_000,
      hashStream: async (source, signal) => {
        const publisher = createPublisher({ engine: nodeHashEngine });
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        for await (const bytes of source) publisher.update(bytes);
        signal.throwIfAborted();
        return publisher.finish();
      },
    });
    const answer = await fetch(`${gateway.url}/file`, { headers: OFFER });
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of answer.body ?? []) {
      parts.push(part);
      bytes += part.length;
      // Hashing has begun when the head is here, and a part of the body comes without it.
      if (parts.length === 1) setImmediate(release);
    }
    expect(bytes).toBe(large.length);
    expect(large.equals(Buffer.concat(parts))).toBe(true);
    await gateway.whenHashed();
    expect(origin.seen).toHaveLength(1);
  });

  it("a slow sender of a request's head is let go", async () => {
    await start((_request, response) => response.end("ok"), { idleTimeoutMs: 50 });
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost");
    expect(await until(socket)).toBe("");
  });

  it("1,000 idle connections keep nobody else from being served", async () => {
    await start((_request, response) => response.end("ok"));
    const sockets = await Promise.all(
      Array.from({ length: 1_000 }, async () => {
        const socket = connect(gateway.port, "127.0.0.1");
        await once(socket, "connect");
        return socket;
      }),
    );
    expect((await get()).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });

  it("more connections than allowed are closed", async () => {
    await start((_request, response) => response.end("ok"), { maxConnections: 1 });
    const first = connect(gateway.port, "127.0.0.1");
    await once(first, "connect");
    expect(await until(connect(gateway.port, "127.0.0.1"))).toBe("");
    first.destroy();
  });
});
