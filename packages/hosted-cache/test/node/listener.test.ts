import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { concatBytes, encode, toHex } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { manualClock, recordingObserver } from "@branchcache/runtime/testing";
import { afterEach, describe, expect, it } from "vitest";
import certificates from "../../../../test/support/certificates.json" with { type: "json" };
import {
  batchedOffer,
  contentTag,
  createHostedCacheServer,
  createOfferClient,
  descriptorOf,
  type HostedCacheServerOptions,
  headerOf,
  initialOffer,
  MAX_REQUEST_BYTES_V2,
  OFFER_PATH_V1,
  OFFER_PATH_V2,
  type OfferFailure,
  type SpnegoInitiator,
} from "../../src/index.ts";
import {
  addressGate,
  allGates,
  certificateGate,
  negotiateGate,
  nodeOfferTransport,
  type OfferListenerOptions,
  offerRequestListener,
} from "../../src/node.ts";
import { fakeContent } from "../../src/testing.ts";
import { v1Segment, v2Segments } from "../content.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const segment = v1Segment(2);
const tag = contentTag("test");
const offerV2 = encode(batchedOffer, {
  header: headerOf(2, 3, 80),
  segments: v2Segments(2).flatMap((each) => descriptorOf(each, tag) ?? []),
});
const offerV1 = encode(initialOffer, { header: headerOf(1, 1, 80), segmentId: segment.id });

async function hostedCache(
  version: 1 | 2,
  options: Partial<OfferListenerOptions> = {},
  {
    server: more,
    tls,
  }: { readonly server?: Partial<HostedCacheServerOptions>; readonly tls?: ServerOptions } = {},
) {
  const content = fakeContent(() => "complete");
  const observer = recordingObserver();
  const hosted = createHostedCacheServer({ content, engine, clock: systemClock, observer, ...more });
  const offers = offerRequestListener(hosted, { version, observer, ...options });
  const listener: RequestListener = (request, response) => {
    if (!offers(request, response)) response.writeHead(404).end();
  };
  const { cert, key } = certificates.server;
  const server: Server =
    version === 1 ? createTlsServer({ cert, key, ...tls }, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(
    () => hosted.close(),
    () => new Promise((resolve) => server.close(resolve)),
  );
  return { content, observer, hosted, port: (server.address() as AddressInfo).port };
}

/** Sends these bytes and gives all that comes until the server closes, or until `until` is seen. */
function raw(port: number, ...parts: readonly (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
    for (const part of parts) socket.write(part);
    closers.push(() => socket.destroy());
  });
}

const post = (path: string, length: number, ...fields: readonly string[]): string =>
  [
    `POST ${path} HTTP/1.1`,
    "Host: cache",
    "Connection: close",
    `Content-Length: ${length}`,
    ...fields,
    "",
    "",
  ].join("\r\n");
const status = (text: string): string => text.split("\r\n")[0] ?? "";
const OK = "\x00\x00\x00\x01\x00";

describe("HTTP", () => {
  it.each([
    ["PCHC-6 with the slash", OFFER_PATH_V2],
    ["without it", OFFER_PATH_V2.slice(0, -1)],
    ["in capitals", OFFER_PATH_V2.toUpperCase()],
  ])(
    "PCHC-2 PCHC-3 PCHC-18 PCHC-36 answers a message, the first and only one, without any proof of who sent it: %s",
    async (_, path) => {
      const { content, hosted, port } = await hostedCache(2);
      const text = await raw(port, post(path, offerV2.length), offerV2);
      expect(status(text)).toEqual("HTTP/1.1 200 OK");
      expect(text.endsWith(`\r\n\r\n${OK}`)).toEqual(true);
      await hosted.idle();
      expect(content.pulls.map(({ from }) => from)).toEqual([
        { address: "127.0.0.1", port: 80 },
        { address: "127.0.0.1", port: 80 },
      ]);
    },
  );

  it("takes HTTP/1.0, chunked bodies, and waits for nobody who expects 100", async () => {
    const { port } = await hostedCache(2);
    const old = `POST ${OFFER_PATH_V2} HTTP/1.0\r\nContent-Length: ${offerV2.length}\r\n\r\n`;
    expect((await raw(port, old, offerV2)).endsWith(OK)).toEqual(true);
    const head = `POST ${OFFER_PATH_V2} HTTP/1.1\r\nHost: cache\r\nConnection: close\r\n`;
    const chunk = (bytes: Uint8Array) =>
      concatBytes(new TextEncoder().encode(`${bytes.length.toString(16)}\r\n`), bytes, Uint8Array.of(13, 10));
    const chunked = await raw(
      port,
      `${head}Transfer-Encoding: chunked\r\n\r\n`,
      chunk(offerV2.subarray(0, 30)),
      chunk(offerV2.subarray(30)),
      "0\r\n\r\n",
    );
    expect(chunked.endsWith(OK)).toEqual(true);
    const expecting = await raw(port, post(OFFER_PATH_V2, offerV2.length, "Expect: 100-continue"), offerV2);
    expect(expecting).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/);
  });

  it.each([
    ["another path", post("/0131501b/", 1), "404"],
    ["PCHC-9 PCHC-4 the path of version 1.0", post(OFFER_PATH_V1, offerV1.length), "404"],
    ["another method", `GET ${OFFER_PATH_V2} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, "405"],
    ["PCHC-54 a malformed message", post(OFFER_PATH_V2, 3), "400"],
    ["a body over the limit", post(OFFER_PATH_V2, MAX_REQUEST_BYTES_V2 + 1), "413"],
  ])("refuses %s", async (_, head, expected) => {
    const { content, port } = await hostedCache(2);
    expect(status(await raw(port, head, new Uint8Array(MAX_REQUEST_BYTES_V2 + 1)))).toContain(expected);
    expect(content.pulls).toEqual([]);
  });

  it("refuses a body that grows beyond the limit in chunks, and does not gather it", async () => {
    const { port } = await hostedCache(2);
    const head = `POST ${OFFER_PATH_V2} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const text = await raw(port, head, "4000\r\n", new Uint8Array(0x4000), "\r\n");
    expect(status(text)).toContain("413");
  });

  it("drops a client whose body does not come", async () => {
    const clock = manualClock();
    const { port } = await hostedCache(2, {}, { server: { clock } });
    const text = raw(port, post(OFFER_PATH_V2, offerV2.length), offerV2.subarray(0, 20));
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(15_000);
    expect(await text).toEqual("");
  });

  it("answers 429 to who sends too many, and goes on", async () => {
    const { port } = await hostedCache(2, {}, { server: { offersAtOnce: 1, offersPerSecond: 0.001 } });
    expect(status(await raw(port, post(OFFER_PATH_V2, offerV2.length), offerV2))).toContain("200");
    expect(status(await raw(port, post(OFFER_PATH_V2, offerV2.length), offerV2))).toContain("429");
  });

  it("takes the client's address from who knows it", async () => {
    const { content, hosted, port } = await hostedCache(2, { addressOf: () => "2001:db8::7" });
    await raw(port, post(OFFER_PATH_V2, offerV2.length), offerV2);
    await hosted.idle();
    expect(content.pulls[0]?.from.address).toEqual("2001:db8::7");
  });
});

/** Offers one segment and tells how that ended. */
async function offerOver(options: Parameters<typeof nodeOfferTransport>[0], spnego?: () => SpnegoInitiator) {
  let settle: (failure: OfferFailure | undefined) => void = () => {};
  const over: (OfferFailure | undefined)[] = [];
  const client = createOfferClient({
    name: "cache",
    version: options.version,
    transport: nodeOfferTransport(options),
    servingPort: 1337,
    clock: systemClock,
    batchMs: 0,
    onOutcome: (failure) => {
      over.push(failure);
      settle(failure);
    },
    ...(spnego ? { spnego } : {}),
  });
  closers.push(() => client.close());
  const messages = options.version === 1 ? 2 : 1;
  client.offer(segment);
  while (over.length < messages && over.every((failure) => failure === undefined)) {
    await new Promise<unknown>((resolve) => {
      settle = resolve;
    });
  }
  return over.at(-1);
}

describe("both roles", () => {
  const host = "localhost";
  const ca = certificates.ca.cert;

  it("PCHC-1 PCHC-7 version 2.0 over HTTP", async () => {
    const { content, hosted, port } = await hostedCache(2);
    expect(await offerOver({ version: 2, host: "127.0.0.1", port })).toBeUndefined();
    await hosted.idle();
    expect(content.pulls.map(({ from, key }) => [from.port, key])).toEqual([[1337, toHex(segment.id)]]);
  });

  it("PCHC-1 PCHC-4 PCHC-41 version 1.0 over HTTPS: interested, information, pull", async () => {
    const { content, hosted, port } = await hostedCache(1);
    expect(await offerOver({ version: 1, host, port, ca })).toBeUndefined();
    await hosted.idle();
    expect(content.pulls.map(({ wanted }) => wanted.kind)).toEqual(["verified"]);
  });

  it("PCHC-71 PCHC-11 does not offer to a cache whose certificate nobody vouches for, or of another name", async () => {
    const { content, port } = await hostedCache(1);
    expect(await offerOver({ version: 1, host, port })).toEqual("certificate");
    const { cert, key } = certificates.client;
    const other = await hostedCache(1, {}, { tls: { cert, key } });
    expect(await offerOver({ version: 1, host, port: other.port, ca })).toEqual("certificate");
    expect([...content.pulls, ...other.content.pulls]).toEqual([]);
  });

  it("reads answers that come in chunks", async () => {
    const server = createServer((request, response) => {
      request.resume().on("end", () => {
        response.write(OK.slice(0, 2), "latin1");
        response.end(OK.slice(2), "latin1");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    expect(await offerOver({ version: 2, host: "127.0.0.1", port })).toBeUndefined();
  });

  it.each<[string, (socket: Socket) => void, OfferFailure]>([
    ["hangs up", (socket) => socket.destroy(), "connect"],
    ["speaks something else", (socket) => void socket.end("220 ready\r\n"), "malformed"],
    [
      "answers without end",
      (socket) => void socket.write(`HTTP/1.1 200 OK\r\n\r\n${"x".repeat(70_000)}`),
      "malformed",
    ],
  ])("a cache that %s", async (_, behave, failure) => {
    const { createServer: createRaw } = await import("node:net");
    const server = createRaw((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => behave(socket));
      closers.push(() => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    expect(await offerOver({ version: 2, host: "127.0.0.1", port })).toEqual(failure);
  });

  it("a port that nobody listens on", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(await offerOver({ version: 2, host: "127.0.0.1", port })).toEqual("connect");
  });
});

describe("who may offer", () => {
  const host = "localhost";
  const ca = certificates.ca.cert;

  it("by address", async () => {
    const allowed = await hostedCache(2, { gate: addressGate((address) => address === "127.0.0.1") });
    expect(await offerOver({ version: 2, host: "127.0.0.1", port: allowed.port })).toBeUndefined();
    const refusing = await hostedCache(2, { gate: addressGate(() => false) });
    expect(await offerOver({ version: 2, host: "127.0.0.1", port: refusing.port })).toEqual("status");
    expect(refusing.observer.named("peer.denied")).toHaveLength(1);
    expect(refusing.content.pulls).toEqual([]);
  });

  it("PCHC-14 by client certificate: ours, a stranger's, none", async () => {
    const tls = { ca, requestCert: true, rejectUnauthorized: false };
    const { content, hosted, observer, port } = await hostedCache(1, { gate: certificateGate }, { tls });
    expect(await offerOver({ version: 1, host, port, ca, ...certificates.client })).toBeUndefined();
    await hosted.idle();
    expect(content.pulls).toHaveLength(1);
    expect(await offerOver({ version: 1, host, port, ca, ...certificates.stranger })).toEqual("status");
    expect(await offerOver({ version: 1, host, port, ca })).toEqual("status");
    expect(observer.named("peer.denied").map(({ fields }) => String(fields["reason"]))).toEqual([
      expect.stringMatching(/^client certificate: /),
      expect.stringMatching(/certificate/),
    ]);
    expect(content.pulls).toHaveLength(1);
  });

  it("a certificate is none over plain HTTP", async () => {
    const { port } = await hostedCache(2, { gate: certificateGate });
    expect(await offerOver({ version: 2, host: "127.0.0.1", port })).toEqual("status");
  });

  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const word = (value: string): Uint8Array => new TextEncoder().encode(value);
  /** Two legs, as NTLM has them, on one connection. */
  const acceptor = () => {
    let leg = 0;
    return {
      async accept(token: Uint8Array) {
        if (text(token) === "nonsense") throw new Error("no SPNEGO token");
        if (text(token) !== ["hello", "answer"][leg])
          return { kind: "refused", reason: "wrong password" } as const;
        return leg++ === 0
          ? ({ kind: "continue", token: word("challenge") } as const)
          : ({ kind: "accepted", user: "PC7$" } as const);
      },
    };
  };
  const initiator = (...words: readonly string[]) => {
    let leg = 0;
    return (): SpnegoInitiator => ({ next: async () => word(words[leg++] ?? "hello") });
  };

  it("PCHC-14 PCHC-15 PCHC-17 by SPNEGO: 401, challenge, answer, on one connection that is known from then on", async () => {
    const { content, hosted, port } = await hostedCache(1, { gate: negotiateGate(acceptor) });
    expect(await offerOver({ version: 1, host, port, ca }, initiator("hello", "answer"))).toBeUndefined();
    await hosted.idle();
    expect(content.pulls).toHaveLength(1);
  });

  it.each([
    ["a wrong answer", initiator("hello", "what?")],
    ["nonsense", initiator("nonsense")],
    ["no answer at all", undefined],
  ] as const)("PCHC-15 PCHC-16 answers %s with 401, and pulls nothing", async (_, spnego) => {
    const { content, port } = await hostedCache(1, { gate: negotiateGate(acceptor) });
    expect(await offerOver({ version: 1, host, port, ca }, spnego)).toEqual("unauthorized");
    expect(content.pulls).toEqual([]);
  });

  it("all of several gates have to open", async () => {
    const gate = allGates(
      addressGate(() => true),
      addressGate(() => false),
    );
    const { port } = await hostedCache(2, { gate });
    expect(await offerOver({ version: 2, host: "127.0.0.1", port })).toEqual("status");
  });
});
