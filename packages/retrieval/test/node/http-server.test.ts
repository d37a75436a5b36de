import type { Server } from "node:http";
import { connect, type Socket } from "node:net";
import { type ManualClock, manualClock } from "@branchcache/runtime/testing";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  createRetrievalServer,
  encodeMessage,
  getBlocks,
  parseResponse,
  RETRIEVAL_PATH,
  type RetrievalServer,
} from "../../src/index.ts";
import { createRetrievalHttpServer } from "../../src/node.ts";

const segmentId = new Uint8Array(32).fill(7);
const BLOCK_BYTES = 65_552;

/** Blocks that wait until they are let go. */
let held: Map<number, () => void> | undefined;
let retrieval: RetrievalServer;
let listener: Server;
let port: number;
let clock: ManualClock;
let others: string[];
/** Blocks that the source was asked for. */
let asked: number;

beforeEach(async () => {
  held = undefined;
  others = [];
  asked = 0;
  clock = manualClock();
  retrieval = createRetrievalServer({
    clock,
    maxUploads: 1_000,
    source: {
      heldBlocks: async () => [0],
      block: async (_id, index) => {
        asked++;
        if (held) await new Promise<void>((resolve) => held?.set(index, resolve));
        const data = new Uint8Array(BLOCK_BYTES).fill(index);
        return { sealed: { cipher: 1, iv: new Uint8Array(16), data }, nextBlockIndex: 0 };
      },
    },
  });
  listener = createRetrievalHttpServer(retrieval, (request, response) => {
    others.push(`${request.method} ${request.url}`);
    response.end("other");
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  port = typeof address === "object" ? (address?.port ?? 0) : 0;
});

afterEach(async () => {
  await new Promise<void>((resolve) => {
    listener.close(() => resolve());
    listener.closeAllConnections();
  });
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

function request(blockIndex: number, fields = "", line = `POST ${RETRIEVAL_PATH} HTTP/1.1`): Buffer {
  const ranges = [{ index: blockIndex, count: 1 }];
  const body = encodeMessage(getBlocks, 1, { segmentId, ranges, verificationData: new Uint8Array(0) });
  return Buffer.concat([
    Buffer.from(`${line}\r\nHost: peer\r\nContent-Length: ${body.length}\r\n${fields}\r\n`),
    body,
  ]);
}

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

/** A client on a bare socket. */
async function client() {
  const socket: Socket = connect(port, "127.0.0.1");
  const answers: Answer[] = [];
  let unread: Buffer = Buffer.alloc(0);
  let ended = false;
  socket.on("data", (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    for (;;) {
      const end = unread.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = unread.toString("latin1", 0, end);
      const next = end + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (unread.length < next) return;
      const status = Number(head.slice(9, 12));
      if (status >= 200) answers.push({ status, head, body: unread.subarray(end + 4, next) });
      unread = unread.subarray(next);
    }
  });
  socket.on("close", () => {
    ended = true;
  });
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  return {
    socket,
    get ended() {
      return ended;
    },
    async answers(count: number): Promise<readonly Answer[]> {
      await until(() => ended || answers.length >= count);
      return answers;
    },
    closed: () => until(() => ended),
  };
}

function blockIndexOf({ body }: Answer): number {
  const response = parseResponse(body);
  if (response.kind !== "block") throw new Error(`a ${response.kind}`);
  if (response.body.data.length !== BLOCK_BYTES) throw new Error(`${response.body.data.length} bytes`);
  return response.body.blockIndex;
}

it("answers leave in the order of their requests, whichever is ready first", async () => {
  held = new Map();
  const { socket, answers } = await client();
  socket.write(Buffer.concat([0, 1, 2].map((index) => request(index))));
  await until(() => held?.size === 3);
  for (const index of [2, 1, 0]) {
    held.get(index)?.();
    await turn();
  }
  expect((await answers(3)).map(blockIndexOf)).toEqual([0, 1, 2]);
  await until(() => retrieval.activeUploads === 0);
  socket.destroy();
});

it("no more than 16 requests of a connection are under way, and the rest waits", async () => {
  held = new Map();
  const { socket, answers } = await client();
  socket.write(Buffer.concat(Array.from({ length: 40 }, (_, index) => request(index))));
  await until(() => held?.size === 16);
  for (let i = 0; i < 10; i++) await turn();
  expect(held.size).toBe(16);
  const waiting = held;
  held = undefined;
  for (const letGo of waiting.values()) letGo();
  expect((await answers(40)).map(blockIndexOf)).toEqual(Array.from({ length: 40 }, (_, index) => index));
  socket.destroy();
});

it("a client that does not read is not given more than fits, and goes on when it reads", async () => {
  const requests = Array.from({ length: 600 }, (_, index) => index % 256);
  const slow = await client();
  slow.socket.pause();
  slow.socket.write(Buffer.concat(requests.map((index) => request(index))));
  let before = -1;
  while (before !== asked || asked === 0) {
    before = asked;
    for (let i = 0; i < 50; i++) await turn();
  }
  // 39 MB in all, of which the system's buffers take some.
  expect(asked).toBeLessThan(500);
  slow.socket.resume();
  expect((await slow.answers(600)).map(blockIndexOf)).toEqual(requests);
  slow.socket.destroy();
});

it("requests in pieces of any sizes are the same requests", async () => {
  const bytes = Buffer.concat([
    request(1),
    request(2, "User-Agent: one\r\n"),
    request(3, "User-Agent: another\r\nConnection: Keep-Alive\r\n"),
    request(4),
  ]);
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 6 }),
      async (cuts) => {
        const { socket, answers } = await client();
        let start = 0;
        for (const end of [...cuts.sort((a, b) => a - b), bytes.length]) {
          socket.write(bytes.subarray(start, end));
          start = end;
          await turn();
        }
        expect((await answers(4)).map(blockIndexOf)).toEqual([1, 2, 3, 4]);
        socket.destroy();
      },
    ),
    { numRuns: 30 },
  );
});

it.each([
  ["another path", "GET /other HTTP/1.1\r\nHost: peer\r\n\r\n", "other"],
  ["a path in lower case", request(9, "", `POST ${RETRIEVAL_PATH.toLowerCase()} HTTP/1.1`), 9],
  ["a field that asks for more", request(9, "Expect: 100-continue\r\n"), 9],
  ["a longer head than the fast path takes", request(9, `X-Long: ${"x".repeat(3_000)}\r\n`), 9],
])(
  "from %s on, the connection is one of node:http, and answers stay in order",
  async (_name, odd, expected) => {
    held = new Map();
    const { socket, answers } = await client();
    socket.write(Buffer.concat([request(0), request(1), Buffer.from(odd), request(5)]));
    await until(() => held?.size === 2);
    for (let i = 0; i < 5; i++) await turn();
    expect({ asked, others }).toEqual({ asked: 2, others: [] });
    const waiting = held;
    held = undefined;
    for (const letGo of waiting.values()) letGo();
    const all = await answers(4);
    const given = all.map((answer) =>
      answer.body.length > 100 ? blockIndexOf(answer) : answer.body.toString(),
    );
    expect(given).toEqual([0, 1, expected, 5]);
    socket.destroy();
  },
);

it.each([
  ["two lengths", "Content-Length: 68\r\n", 400],
  ["a length and a transfer coding", "Transfer-Encoding: chunked\r\n", 400],
  ["a space before the colon", "X-Odd : 1\r\n", 400],
  ["a folded field", "X-Long: one\r\n two\r\n", 400],
  ["a bare line feed", "X-Odd: 1\nX: 2\r\n", 400],
  ["a control character", "X-Odd: \u0001\r\n", 400],
  ["an upgrade", "Upgrade: websocket\r\nConnection: Upgrade\r\n", 200],
  ["a wish to close", "Connection: close\r\n", 200],
])("%s is left to the judgement of node:http", async (_name, fields, status) => {
  const { socket, answers, closed } = await client();
  socket.write(request(0, fields));
  const [answer] = await answers(1);
  expect(answer?.status).toBe(status);
  if (status === 400 || fields.includes("close")) await closed();
  socket.destroy();
});

it("PCCRR-129 a malformed message between good ones: those before it are answered, and the connection ends", async () => {
  const { socket, answers, closed } = await client();
  const malformed = Buffer.from(request(1));
  malformed.fill(0xff, malformed.length - 60);
  socket.write(Buffer.concat([request(0), malformed, request(2)]));
  await closed();
  const [first, second, ...rest] = await answers(3);
  expect(first && blockIndexOf(first)).toBe(0);
  expect(second?.status).toBe(400);
  expect(second?.head.toLowerCase()).toContain("connection: close");
  expect(rest).toEqual([]);
  await until(() => retrieval.activeUploads === 0);
  expect(clock.pending).toBe(0);
  socket.destroy();
});

it("PCCRR-109 the upload timer drops a request that does not come to its end", async () => {
  const { socket, closed, answers } = await client();
  socket.write(request(0));
  await answers(1);
  socket.write(request(1).subarray(0, 100));
  await until(() => clock.pending > 0);
  await clock.advance(retrieval.uploadTimeoutMs);
  await closed();
});

it("PCCRR-116 a client that leaves frees its slots, those whose answers are not ready among them", async () => {
  held = new Map();
  const { socket } = await client();
  socket.write(Buffer.concat([request(0), request(1)]));
  await until(() => held?.size === 2);
  socket.destroy();
  held.get(0)?.();
  held.get(1)?.();
  await until(() => retrieval.activeUploads === 0);
  expect(clock.pending).toBe(0);
});

it("a client that has sent all it will gets its answers, and then the end", async () => {
  const { socket, answers, closed } = await client();
  socket.end(Buffer.concat([request(0), request(1)]));
  await closed();
  expect((await answers(2)).map(blockIndexOf)).toEqual([0, 1]);
});

it("closing ends connections that wait, and lets answers under way leave", async () => {
  held = new Map();
  const idle = await client();
  idle.socket.write(request(0));
  await until(() => held?.has(0) === true);
  held.get(0)?.();
  await idle.answers(1);
  const busy = await client();
  busy.socket.write(request(1));
  await until(() => held?.has(1) === true);
  await until(() => retrieval.activeUploads === 1);
  const closing = new Promise<void>((resolve) => listener.close(() => resolve()));
  await idle.closed();
  expect(busy.ended).toBe(false);
  // What it asks for now is for another peer.
  busy.socket.write(request(2));
  held.get(1)?.();
  await busy.closed();
  expect((await busy.answers(2)).map(blockIndexOf)).toEqual([1]);
  await closing;
  expect(asked).toBe(2);
});

it("PCCRR-129 a client that goes on sending after what ended its connection is not listened to", async () => {
  const { socket, closed } = await client();
  const malformed = Buffer.from(request(0));
  malformed.fill(0xff, malformed.length - 60);
  socket.write(malformed);
  const more = setInterval(() => socket.write(Buffer.alloc(65_536)), 1);
  await closed();
  clearInterval(more);
});

it("a connection that asks for nothing more is closed after the keep-alive time", async () => {
  listener.keepAliveTimeout = 1;
  const { socket, answers, closed } = await client();
  socket.write(request(0));
  const [answer] = await answers(1);
  expect(answer?.status).toBe(200);
  await closed();
});
