/** A server on loopback, raw requests over a socket, and content as in the worked examples. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import {
  type HashEngine,
  type Publications,
  publicationFromColumns,
  publishBytes,
  ServerSecret,
} from "@branchcache/content-info";

/** Byte i is (31 i + 7) mod 251. */
export function exampleContent(lengthBytes: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, i) => (i * 31 + 7) % 251);
}

export const EXAMPLE_SECRET: ServerSecret = ServerSecret.fromBytes(
  new TextEncoder().encode("branchcache test secret"),
);

/** Both versions; the second cut at 65,536 bytes, as in the worked examples. */
export function examplePublications(content: Uint8Array, engine: HashEngine): Publications {
  const segments = Array.from({ length: Math.ceil(content.length / 65_536) }, (_, i) =>
    content.subarray(i * 65_536, (i + 1) * 65_536),
  );
  const hashes = segments.map((segment) => engine.hash("sha512-truncated", segment));
  const v2 = publicationFromColumns({
    version: 2,
    algorithm: "sha512-truncated",
    segmentLengths: Uint32Array.from(segments, (segment) => segment.length),
    hashesOfData: Uint8Array.from(Buffer.concat(hashes)),
    blockHashes: new Uint8Array(0),
  });
  return { ...publishBytes(content, { engine, versions: [1] }), v2 };
}

export interface TestServer {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

export async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<TestServer> {
  const server = createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A server that answers with whatever bytes the test likes. */
export async function listenRaw(onConnection: (socket: Socket) => void): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Sends the text as it stands and reads one answer by its Content-Length. `method` HEAD has no body. */
export function exchangeRaw(port: number, text: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text.replaceAll(/\r?\n/g, "\r\n")));
    let received = Buffer.alloc(0);
    const finish = (answer: RawAnswer) => {
      resolve(answer);
      socket.destroy();
    };
    const parse = (): { answer: RawAnswer; complete: boolean } | undefined => {
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return undefined;
      const [statusLine = "", ...lines] = received.subarray(0, end).toString("latin1").split("\r\n");
      const headers: Record<string, string> = {};
      for (const line of lines) {
        const at = line.indexOf(":");
        headers[line.slice(0, at).toLowerCase()] = line.slice(at + 1).trim();
      }
      const status = Number(statusLine.split(" ")[1]);
      const body = Uint8Array.from(received.subarray(end + 4));
      const none = text.startsWith("HEAD") || status === 304;
      const due = none ? 0 : Number(headers["content-length"] ?? Number.NaN);
      return { answer: { status, headers, body }, complete: body.length >= due };
    };
    socket.on("data", (bytes) => {
      received = Buffer.concat([received, bytes]);
      const parsed = parse();
      if (parsed?.complete) finish(parsed.answer);
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const parsed = parse();
      if (parsed) finish(parsed.answer);
      else reject(new Error("closed without an answer"));
    });
  });
}

/** A request in the style of the worked examples. */
export function requestText(
  target: string,
  headers: Readonly<Record<string, string>>,
  method = "GET",
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`);
  return `${method} ${target} HTTP/1.1\nHost: content.example\n${lines.join("")}\n`;
}

export async function readAll(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Uint8Array.from(Buffer.concat(pieces));
}
