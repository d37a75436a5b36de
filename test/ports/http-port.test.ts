/** What every `HttpPort` does, held against the real one and the one in memory. */
import { createServer } from "node:http";
import { nodeHttpPort } from "@branchcache/retrieval/node";
import { type Endpoint, errorCode, type HttpConnection, type HttpPort } from "@branchcache/runtime";
import { type MemoryHttpHandler, memoryHttp } from "@branchcache/runtime/testing";
import { afterEach, describe, expect, it } from "vitest";

interface Harness {
  readonly port: HttpPort;
  serve(handler: MemoryHttpHandler): Promise<Endpoint>;
  stop(): Promise<void>;
}

function inMemory(): Harness {
  const port = memoryHttp();
  const endpoint = { address: "192.0.2.1", port: 80 };
  return {
    port,
    serve: async (handler) => {
      port.listen(endpoint, handler);
      return endpoint;
    },
    stop: async () => port.unplug(endpoint),
  };
}

function onLoopback(): Harness {
  let handle: MemoryHttpHandler;
  const server = createServer(async (request, response) => {
    try {
      const body = new Uint8Array(Buffer.concat(await request.toArray()));
      const answer = await handle({ method: "POST", path: request.url ?? "", body });
      response.writeHead(answer.status, { "Content-Length": answer.body.length }).end(answer.body);
    } catch {
      request.socket.destroy();
    }
  });
  return {
    port: nodeHttpPort(),
    serve: async (handler) => {
      handle = handler;
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      return { address: address.address, port: address.port };
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const options = { maxBodyBytes: 100 };
const body = Uint8Array.of(1, 2, 3);
const echo: MemoryHttpHandler = async (request) => ({ status: 200, body: request.body });
const never: MemoryHttpHandler = () => new Promise(() => {});

const code = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => "no error",
    (error: unknown) => errorCode(error),
  );

describe.each([
  ["memoryHttp", inMemory],
  ["nodeHttpPort", onLoopback],
])("%s", (_, make) => {
  const opened: { readonly harness: Harness; readonly connection?: HttpConnection }[] = [];

  afterEach(async () => {
    for (const { harness, connection } of opened.splice(0)) {
      connection?.close();
      await harness.stop();
    }
  });

  async function connectTo(handler: MemoryHttpHandler): Promise<HttpConnection> {
    const harness = make();
    const connection = harness.port.connect(await harness.serve(handler));
    opened.push({ harness, connection });
    return connection;
  }

  it("brings path and body there, status and body back", async () => {
    const seen: unknown[] = [];
    const connection = await connectTo(async (request) => {
      seen.push(request);
      return { status: 404, body: request.body.toReversed() };
    });
    const answer = await connection.post("/path", body, options);
    expect({ status: answer.status, body: [...answer.body] }).toEqual({ status: 404, body: [3, 2, 1] });
    expect(seen).toEqual([{ method: "POST", path: "/path", body }]);
    expect(connection.closed).toBe(false);
  });

  it("takes empty bodies both ways", async () => {
    const connection = await connectTo(echo);
    expect([...(await connection.post("/", new Uint8Array(), options)).body]).toEqual([]);
  });

  it("answers requests that overlap in their order, whichever is ready first", async () => {
    const ready: (() => void)[] = [];
    const connection = await connectTo(async (request) => {
      await new Promise<void>((resolve) => {
        ready[request.body[0] ?? 0] = resolve;
        // The last to arrive lets the others go, the newest first.
        if (ready.length === 3) for (const go of ready.toReversed()) go();
      });
      return { status: 200, body: request.body };
    });
    const order: (number | undefined)[] = [];
    await Promise.all(
      [0, 1, 2].map(async (i) => {
        order.push((await connection.post("/", Uint8Array.of(i), options)).body[0]);
      }),
    );
    expect(order).toEqual([0, 1, 2]);
  });

  it("BC_HTTP_CONNECT where nothing listens, and closed from then on", async () => {
    const harness = make();
    const endpoint = await harness.serve(echo);
    await harness.stop();
    const connection = harness.port.connect(endpoint);
    expect(connection.closed).toBe(false);
    expect(await code(connection.post("/", body, options))).toBe("BC_HTTP_CONNECT");
    expect(connection.closed).toBe(true);
    expect(await code(connection.post("/", body, options))).toBe("BC_HTTP_CONNECT");
  });

  it("BC_HTTP_CLOSED for everything under way when the server drops the connection", async () => {
    const connection = await connectTo(async (request) => {
      if (request.path === "/drop") throw new Error("dropped");
      return never(request);
    });
    const both = [connection.post("/wait", body, options), connection.post("/drop", body, options)];
    expect(await Promise.all(both.map(code))).toEqual(["BC_HTTP_CLOSED", "BC_HTTP_CLOSED"]);
    expect(connection.closed).toBe(true);
    expect(await code(connection.post("/", body, options))).toBe("BC_HTTP_CLOSED");
  });

  it("BC_HTTP_TOO_LARGE over the limit, which itself is allowed", async () => {
    const connection = await connectTo(echo);
    expect(await code(connection.post("/", new Uint8Array(100), options))).toBe("no error");
    expect(await code(connection.post("/", new Uint8Array(101), options))).toBe("BC_HTTP_TOO_LARGE");
    expect(connection.closed).toBe(true);
  });

  it("an abort rejects with its reason, and closes the connection with all that is under way", async () => {
    const connection = await connectTo(never);
    const controller = new AbortController();
    const given = connection.post("/", body, { ...options, signal: controller.signal });
    const other = code(connection.post("/", body, options));
    controller.abort("enough");
    await expect(given).rejects.toBe("enough");
    expect(await other).toBe("BC_HTTP_CLOSED");
    expect(connection.closed).toBe(true);
  });

  it("a signal aborted before sends nothing and closes nothing", async () => {
    const connection = await connectTo(echo);
    const signal = AbortSignal.abort("before");
    await expect(connection.post("/", body, { ...options, signal })).rejects.toBe("before");
    expect(await code(connection.post("/", body, options))).toBe("no error");
  });

  it("a signal aborted after the answer does nothing", async () => {
    const connection = await connectTo(echo);
    const controller = new AbortController();
    await connection.post("/", body, { ...options, signal: controller.signal });
    controller.abort("late");
    expect(await code(connection.post("/", body, options))).toBe("no error");
  });

  it("closing, twice too, ends what is under way", async () => {
    const connection = await connectTo(never);
    const post = code(connection.post("/", body, options));
    connection.close();
    connection.close();
    expect(await post).toBe("BC_HTTP_CLOSED");
    expect(await code(connection.post("/", body, options))).toBe("BC_HTTP_CLOSED");
  });
});
