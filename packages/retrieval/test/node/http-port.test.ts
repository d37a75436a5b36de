import { createServer, type Server, type Socket } from "node:net";
import { errorCode, type HttpConnection } from "@branchcache/runtime";
import { afterEach, describe, expect, it } from "vitest";
import { nodeHttpPort } from "../../src/node.ts";

const servers: Server[] = [];
const connections: HttpConnection[] = [];

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
  for (const server of servers.splice(0)) server.close();
});

/** A server that does as it is told with each connection. */
async function serve(onConnection: (socket: Socket) => void): Promise<HttpConnection> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    onConnection(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const connection = nodeHttpPort().connect({ address: "127.0.0.1", port });
  connections.push(connection);
  return connection;
}

/** Answers the first bytes of a connection with this text, and then ends it if told to. */
const saying = (text: string, end = false) =>
  serve((socket) => {
    socket.once("data", () => {
      socket.write(text, "latin1");
      if (end) socket.end();
    });
  });

const post = (connection: HttpConnection, maxBodyBytes = 100) =>
  connection.post("/path/", Uint8Array.of(1, 2, 3), { maxBodyBytes });
const failure = (work: Promise<unknown>) => work.then(() => "no error", errorCode);
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("an exchange", () => {
  it("PCCRR-4 sends a plain POST and reads the answer", async () => {
    let sent = "";
    const connection = await serve((socket) => {
      socket.on("data", (chunk) => {
        sent += chunk.toString("latin1");
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Other: thing\r\n\r\nhello");
      });
    });
    const { body, status } = await post(connection);
    expect([status, Buffer.from(body).toString()]).toEqual([200, "hello"]);
    const [line, host, ...rest] = sent.split("\r\n");
    expect(line).toBe("POST /path/ HTTP/1.1");
    expect(host).toMatch(/^Host: 127\.0\.0\.1:\d+$/);
    expect(rest).toEqual(["Content-Length: 3", "", "\x01\x02\x03"]);
  });

  it("requests that overlap leave together and are answered in order", async () => {
    let chunks = 0;
    const connection = await serve((socket) => {
      socket.on("data", (chunk) => {
        chunks++;
        const count = chunk.toString("latin1").split("POST").length - 1;
        for (let i = 0; i < count; i++) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${i}`);
      });
    });
    const bodies = await Promise.all([0, 1, 2, 3].map(() => post(connection).then(({ body }) => body[0])));
    expect(bodies).toEqual([48, 49, 50, 51]);
    expect(chunks).toBe(1);
  });

  it("answers that come in any pieces, many on one connection", async () => {
    const answers = Array.from({ length: 60 }, (_, i) => Buffer.alloc(i * 3_001, i));
    const connection = await serve((socket) => {
      socket.once("data", async () => {
        const all = Buffer.concat(
          answers.flatMap((body) => [
            Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`),
            body,
          ]),
        );
        for (let at = 0, size = 1; at < all.length; at += size, size = (size * 7 + 1) % 90_001) {
          socket.write(all.subarray(at, at + size));
          await turn();
        }
      });
    });
    const checks = answers.map((answer) =>
      post(connection, 400_000).then(({ body }) => answer.equals(Buffer.from(body))),
    );
    expect(await Promise.all(checks)).toEqual(answers.map(() => true));
  });

  it("bodies that are kept stay as they are", async () => {
    const answers = Array.from({ length: 40 }, (_, i) => Buffer.alloc(60_000 + i, i));
    const connection = await serve((socket) => {
      socket.once("data", () => {
        for (const body of answers) {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
          socket.write(body);
        }
      });
    });
    const options = { maxBodyBytes: 100_000, keepBody: true };
    const posts = answers.map(() => connection.post("/", Uint8Array.of(1), options));
    const bodies = (await Promise.all(posts)).map(({ body }) => body);
    expect(answers.map((answer, i) => answer.equals(bodies[i] ?? Buffer.alloc(0)))).toEqual(
      answers.map(() => true),
    );
  });

  it("a status other than 200 is an answer, a redirect too", async () => {
    const connection = await saying("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
    expect((await post(connection)).status).toBe(302);
  });

  it.each([
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
  ])("an answer without body: %j", async (text) => {
    expect((await post(await saying(text))).body).toHaveLength(0);
  });

  it.each([
    "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 200 OK\r\nconnection: Close\r\nContent-Length: 1\r\n\r\nx",
  ])("is the last one after %j", async (text) => {
    const connection = await saying(text);
    const first = post(connection);
    const second = failure(post(connection));
    expect((await first).status).toBe(200);
    expect(await second).toBe("BC_HTTP_CLOSED");
    expect(connection.closed).toBe(true);
    expect(await failure(post(connection))).toBe("BC_HTTP_CLOSED");
  });
});

describe("refuses", () => {
  it.each([
    ["no HTTP", "220 ready\r\n\r\n"],
    ["HTTP/2", "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"],
    ["no length", "HTTP/1.1 200 OK\r\n\r\n"],
    ["a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n"],
    ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"],
    ["a chunked body", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["PCCRR-13 a content coding", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"],
    ["PCCRR-13 an upgrade", "HTTP/1.1 101 Switching\r\n\r\nx"],
    ["a folded field", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"],
    ["a field without name", "HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n"],
    ["a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"],
    ["a control character", "HTTP/1.1 200 OK\r\nX-A: \x01\r\nContent-Length: 0\r\n\r\n"],
    ["bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n"],
    ["nine interim answers", "HTTP/1.1 103 Hints\r\n\r\n".repeat(9)],
    ["a head over 16 KiB", `HTTP/1.1 200 OK\r\n${`X-A: ${"b".repeat(1_000)}\r\n`.repeat(17)}`],
  ])("%s", async (_, text) => {
    const connection = await saying(text);
    expect(await failure(post(connection))).toBe("BC_HTTP_MALFORMED");
    expect(connection.closed).toBe(true);
  });

  it("a body over the limit, before it is gathered", async () => {
    const connection = await saying("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n");
    expect(await failure(post(connection))).toBe("BC_HTTP_TOO_LARGE");
  });

  it("an answer to no request: it ends the connection", async () => {
    const connection = await saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n");
    await post(connection);
    while (!connection.closed) await turn();
    expect(await failure(post(connection))).toBe("BC_HTTP_MALFORMED");
  });
});

describe("the end of a connection", () => {
  it.each(["", "HTTP/1.1 200 OK\r\nConte", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"])(
    "after %j",
    async (text) => {
      expect(await failure(post(await saying(text, true)))).toBe("BC_HTTP_CLOSED");
    },
  );

  it("nobody listens", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    await new Promise((resolve) => server.close(resolve));
    const connection = nodeHttpPort().connect({ address: "127.0.0.1", port });
    expect(await failure(post(connection))).toBe("BC_HTTP_CONNECT");
  });

  it("a signal gives up at once, takes the others along, and leaves no listener", async () => {
    const connection = await serve(() => {});
    const stop = new AbortController();
    const reason = new Error("too late");
    const given = connection.post("/", Uint8Array.of(1), { maxBodyBytes: 10, signal: stop.signal });
    const other = failure(post(connection));
    stop.abort(reason);
    await expect(given).rejects.toBe(reason);
    expect(await other).toBe("BC_HTTP_CLOSED");
    expect(connection.closed).toBe(true);
    const again = connection.post("/", Uint8Array.of(1), { maxBodyBytes: 10, signal: stop.signal });
    await expect(again).rejects.toBe(reason);
  });

  it("a signal that outlives the request holds nothing of it", async () => {
    const connection = await saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    const stop = new AbortController();
    let listeners = 0;
    const { signal } = stop;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    await connection.post("/", Uint8Array.of(1), { maxBodyBytes: 10, signal });
    expect(listeners).toBe(0);
    stop.abort();
    expect(connection.closed).toBe(false);
  });

  it("closing is harmless when repeated, and before anything was sent", async () => {
    const connection = nodeHttpPort().connect({ address: "127.0.0.1", port: 9 });
    connection.close();
    connection.close();
    expect(await failure(post(connection))).toBe("BC_HTTP_CLOSED");
  });
});
