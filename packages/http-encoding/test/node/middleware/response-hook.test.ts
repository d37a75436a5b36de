import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough, pipeline, Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import {
  type BodyCopy,
  hookResponse,
  type Judge,
  type Verdict,
} from "../../../src/node/middleware/response-hook.ts";
import { exchangeRaw, listen, requestText, type TestServer } from "../http-fixture.ts";

const REPLACE: Verdict = {
  kind: "replace",
  changes: { "Content-Length": "8", "X-Coded": "yes" },
  body: [new TextEncoder().encode("replaced")],
};
const PASS: Verdict = { kind: "pass", changes: { "X-Judged": "yes" } };
const BODY = "the handler's own body";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const chunked = (chunks: readonly string[]) => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

/** Every way of answering `BODY` that handlers in the wild use. */
const handlers: Record<string, Handler> = {
  "end alone": (_request, response) => {
    response.end(BODY);
  },
  "end with encoding and callback": (_request, response) => {
    response.end(Buffer.from(BODY).toString("base64"), "base64", () => {});
  },
  "write and end": (_request, response) => {
    response.setHeader("Content-Length", BODY.length);
    response.write(BODY.slice(0, 5));
    response.write(BODY.slice(5), "latin1", () => {});
    response.end();
  },
  "writeHead with an object": (_request, response) => {
    response.writeHead(200, { "Content-Length": BODY.length }).end(BODY);
  },
  "writeHead with a reason and a list": (_request, response) => {
    response.writeHead(200, "Fine", [
      "Content-Length",
      String(BODY.length),
      "Set-Cookie",
      "a",
      "Set-Cookie",
      "b",
    ]);
    response.end(BODY);
  },
  "flushHeaders first": (_request, response) => {
    response.setHeader("Content-Length", BODY.length);
    response.flushHeaders();
    setImmediate(() => response.end(BODY));
  },
  "a pipe": (_request, response) => {
    response.setHeader("Content-Length", BODY.length);
    chunked([BODY.slice(0, 3), BODY.slice(3, 9), BODY.slice(9)]).pipe(response);
  },
  "a pipe after the head": (_request, response) => {
    response.writeHead(200, { "Content-Length": BODY.length });
    setImmediate(() => setImmediate(() => chunked([BODY]).pipe(response)));
  },
  "a pipeline": (_request, response) => {
    response.setHeader("Content-Length", BODY.length);
    pipeline(chunked([BODY.slice(0, 3), BODY.slice(3)]), new PassThrough(), response, () => {});
  },
  "writes that wait for drain": (_request, response) => {
    response.setHeader("Content-Length", BODY.length);
    const rest = [...BODY];
    const next = (): void => {
      for (let char = rest.shift(); char !== undefined; char = rest.shift()) {
        if (!response.write(char)) {
          response.once("drain", next);
          return;
        }
      }
      response.end();
    };
    next();
  },
};

const later =
  (verdict: Verdict): Judge =>
  () =>
    new Promise((resolve) => setImmediate(() => resolve(verdict)));

describe("a hooked response", () => {
  let server: TestServer;
  afterEach(() => server.close());

  async function answer(handler: Handler, judge: Judge, method = "GET") {
    server = await listen((request, response) => {
      hookResponse(response, judge);
      handler(request, response);
    });
    return exchangeRaw(server.port, requestText("/", {}, method));
  }

  describe.each(Object.entries(handlers))("%s", (_name, handler) => {
    it.each([
      ["at once", () => PASS],
      ["later", later(PASS)],
    ])("passes %s", async (_when, judge: Judge) => {
      const { status, headers, body } = await answer(handler, judge);
      expect(status).toBe(200);
      expect(headers).toMatchObject({ "x-judged": "yes", "content-length": String(BODY.length) });
      expect(new TextDecoder().decode(body)).toBe(BODY);
    });

    it.each([
      ["at once", () => REPLACE],
      ["later", later(REPLACE)],
    ])("is replaced %s, and the connection goes on", async (_when, judge: Judge) => {
      const { headers, body } = await answer(handler, judge);
      expect(headers).toMatchObject({ "x-coded": "yes", "content-length": "8" });
      expect(new TextDecoder().decode(body)).toBe("replaced");
      const again = await exchangeRaw(server.port, requestText("/", {}));
      expect(new TextDecoder().decode(again.body)).toBe("replaced");
    });
  });

  it("passes repeated fields of writeHead and its reason", async () => {
    const heads: unknown[] = [];
    const { headers } = await answer(handlers["writeHead with a reason and a list"]!, (head) => {
      heads.push(head.headers["set-cookie"]);
      return PASS;
    });
    expect(heads).toEqual([["a", "b"]]);
    expect(headers["set-cookie"]).toBe("b");
  });

  it("passes when the judge fails", async () => {
    const { body } = await answer(handlers["a pipe"]!, () => Promise.reject(new Error("no")));
    expect(new TextDecoder().decode(body)).toBe(BODY);
  });

  it("passes HEAD and 304 without a body", async () => {
    const { status, headers } = await answer(
      (_request, response) => {
        response.setHeader("Content-Length", 7);
        response.end();
      },
      later(PASS),
      "HEAD",
    );
    expect([status, headers["content-length"]]).toEqual([200, "7"]);
  });

  it("tells the handler that the head is gone while the judge is at work", async () => {
    const seen: boolean[] = [];
    await answer((_request, response) => {
      seen.push(response.headersSent);
      response.setHeader("Content-Length", BODY.length);
      response.write(BODY);
      seen.push(response.headersSent);
      response.end();
    }, later(PASS));
    expect(seen).toEqual([false, true]);
  });

  it("stops and destroys a piped source after its first pieces", async () => {
    let pieces = 0;
    const endless = new Readable({
      read() {
        pieces++;
        this.push(Buffer.alloc(65_536));
      },
    });
    const destroyed = new Promise<void>((resolve) => endless.once("close", resolve));
    const { body } = await answer((_request, response) => {
      response.setHeader("Content-Length", 10_000_000_000);
      endless.pipe(response);
    }, later(REPLACE));
    await destroyed;
    expect(new TextDecoder().decode(body)).toBe("replaced");
    expect(pieces).toBeLessThan(10);
  });

  it("stops the source of a client that goes away meanwhile", async () => {
    const source = chunked([BODY]);
    const destroyed = new Promise<void>((resolve) => source.once("close", resolve));
    let settle: ((verdict: Verdict) => void) | undefined;
    await expect(
      answer(
        (_request, response) => {
          source.pipe(response);
          response.once("close", () => settle?.(PASS));
          response.socket?.destroy();
        },
        () => new Promise((resolve) => (settle = resolve)),
      ),
    ).rejects.toThrow();
    await destroyed;
    expect(source.destroyed).toBe(true);
  });

  it.each(["a pipe", "writes that wait for drain"])("%s waits for a copy that is full", async (name) => {
    const pushed: number[] = [];
    let isFull = false;
    let onRoom = (): void => {};
    let pushedWhileFull: number | undefined;
    const copy: BodyCopy = {
      push(bytes) {
        pushed.push(bytes.length);
        isFull = pushed.length === 1;
        if (isFull) {
          setTimeout(() => {
            pushedWhileFull = pushed.length;
            isFull = false;
            onRoom();
          });
        }
        return !isFull;
      },
      isFull: () => isFull,
      whenRoom(listener) {
        onRoom = listener;
      },
      pause() {},
      resume() {},
      end() {},
    };
    const { body } = await answer(handlers[name]!, () => ({ ...PASS, copy }));
    expect(new TextDecoder().decode(body)).toBe(BODY);
    expect(pushedWhileFull).toBe(1);
    expect(pushed.length).toBeGreaterThan(1);
  });

  it("sends a long body piece by piece", async () => {
    const piece = new Uint8Array(65_536).fill(7);
    const { body } = await answer(handlers["end alone"]!, () => ({
      kind: "replace",
      changes: { "Content-Length": String(40 * piece.length) },
      body: Array.from({ length: 40 }, () => piece),
    }));
    expect(body.length).toBe(40 * piece.length);
    expect(body.every((byte) => byte === 7)).toBe(true);
  });

  it("destroys the answer when making the body fails half-way", async () => {
    function* broken() {
      yield new Uint8Array(4);
      throw new Error("broken");
    }
    const { body } = await answer(handlers["end alone"]!, () => ({ ...REPLACE, body: broken() }));
    expect(body.length).toBeLessThan(8);
  });
});
