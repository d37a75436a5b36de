import { once } from "node:events";
import { Agent, createServer, get, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { recordingObserver } from "@branchcache/runtime/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { closeServer, listen } from "../src/http-listen.ts";

const settings = { host: "peer.listen_address", port: "peer.listen_port" };

describe("a port", () => {
  it("that is taken, and an address that is another machine's, are named by their settings", async () => {
    const taken = createTcpServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    const observer = recordingObserver();
    await expect(
      listen(createServer(), { host: "127.0.0.1", port, settings }, observer),
    ).rejects.toMatchObject({
      code: "BC_LISTEN_PORT_IN_USE",
      message: expect.stringContaining(`peer.listen_port: 127.0.0.1:${port} is taken by another program: `),
    });
    expect(observer.named("listen.port_in_use")).toHaveLength(1);
    await expect(
      listen(createServer(), { host: "192.0.2.1", port: 0, settings }, observer),
    ).rejects.toMatchObject({
      code: "BC_LISTEN_FAILED",
      message: expect.stringMatching(/^peer\.listen_address: .* no address of this machine$/),
    });
    taken.close();
  });

  it("that cannot take a connection tells of it, and goes on", async () => {
    const observer = recordingObserver();
    const server = createServer((_request, response) => response.end("here"));
    const { port } = await listen(server, { host: "127.0.0.1", port: 0 }, observer);
    server.emit("error", new Error("accept EMFILE"));
    expect(observer.named("listen.failed").map(({ fields }) => fields["reason"])).toEqual(["accept EMFILE"]);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("here");
    await closeServer(server, 0);
  });
});

describe("a server that closes", () => {
  let server: Server;
  let port: number;
  const waiting: ServerResponse[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  beforeEach(async () => {
    server = createServer((_request, response) => waiting.push(response));
    server.keepAliveTimeout = 0;
    ({ port } = await listen(server, { host: "127.0.0.1", port: 0 }));
  });
  afterEach(() => {
    waiting.splice(0);
    agent.destroy();
  });

  const ask = () =>
    new Promise<IncomingMessage>((resolve, reject) => {
      get({ host: "127.0.0.1", port, agent }, (response) => resolve(response.resume())).on("error", reject);
    });
  const asked = async () => {
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    return waiting.shift();
  };

  it("ends what is idle at once, lets what runs end, and then its connection", async () => {
    const idle = connect(port, "127.0.0.1");
    await once(idle, "connect");
    const answer = ask();
    const running = await asked();
    const closed = closeServer(server, 60_000);
    await once(idle, "close");
    running?.end("late");
    expect((await answer).statusCode).toBe(200);
    await closed;
  });

  it("takes what comes on a connection that it has not closed yet as its last", async () => {
    const socket = connect(port, "127.0.0.1");
    // Half a request is none that is idle.
    socket.write("GET / HTTP/1.1\r\nHost: peer\r\n");
    const first = ask();
    const running = await asked();
    const closed = closeServer(server, 60_000);
    socket.write("\r\n");
    const late = await asked();
    late?.end("last");
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toMatch(/connection: close/i);
    running?.end();
    await first;
    await closed;
  });

  it("cuts what runs when its time is up", async () => {
    const answer = ask();
    await asked();
    await closeServer(server, 1);
    await expect(answer).rejects.toThrow();
  });
});
