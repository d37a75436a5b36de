import { describe, expect, it } from "vitest";
import { errorCode, type HttpPostOptions } from "../../src/index.ts";
import { memoryHttp } from "../../src/testing.ts";
import { countingSignal } from "../support.ts";

const server = { address: "192.0.2.1", port: 80 };
const options: HttpPostOptions = { maxBodyBytes: 100 };
const body = Uint8Array.of(1, 2, 3);

const code = async (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => "no error",
    (error: unknown) => errorCode(error),
  );

describe("memoryHttp", () => {
  it("carries path and body to the handler, status and body back", async () => {
    const http = memoryHttp();
    const seen: unknown[] = [];
    http.listen(server, async (request) => {
      seen.push(request);
      return { status: 404, body: request.body };
    });
    const answer = await http.connect(server).post("/path", body, options);
    expect(answer).toEqual({ status: 404, body });
    expect(seen).toEqual([{ method: "POST", path: "/path", body }]);
  });

  it("hands the handler a copy", async () => {
    const http = memoryHttp();
    http.listen(server, async (request) => {
      request.body.fill(0);
      return { status: 200, body: request.body };
    });
    const sent = body.slice();
    await http.connect(server).post("/", sent, options);
    expect(sent).toEqual(body);
  });

  it("BC_HTTP_CONNECT where nothing listens, any more too", async () => {
    const http = memoryHttp();
    const connection = http.connect(server);
    expect(await code(connection.post("/", body, options))).toBe("BC_HTTP_CONNECT");
    http.listen(server, async () => ({ status: 200, body }));
    expect(await code(connection.post("/", body, options))).toBe("no error");
    http.unplug(server);
    expect(await code(connection.post("/", body, options))).toBe("BC_HTTP_CONNECT");
  });

  it.each([
    [
      "rejects",
      async () => {
        throw new Error("dropped");
      },
    ],
    [
      "throws",
      () => {
        throw new Error("dropped");
      },
    ],
  ])("BC_HTTP_CLOSED, and stays closed, when the handler %s", async (_, handler) => {
    const http = memoryHttp();
    http.listen(server, handler);
    const connection = http.connect(server);
    const error: unknown = await connection.post("/", body, options).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "BC_HTTP_CLOSED", cause: { message: "dropped" } });
    expect(connection.closed).toBe(true);
    expect(await code(connection.post("/", body, options))).toBe("BC_HTTP_CLOSED");
  });

  it("BC_HTTP_TOO_LARGE over the limit, which itself is allowed", async () => {
    const http = memoryHttp();
    http.listen(server, async (request) => ({ status: 200, body: request.body }));
    const connection = http.connect(server);
    expect(await code(connection.post("/", new Uint8Array(100), options))).toBe("no error");
    expect(await code(connection.post("/", new Uint8Array(101), options))).toBe("BC_HTTP_TOO_LARGE");
    expect(connection.closed).toBe(true);
  });

  it("an abort rejects with its reason and lets go of the signal, the handler never answering", async () => {
    const http = memoryHttp();
    http.listen(server, () => new Promise(() => {}));
    const { controller, listeners } = countingSignal();
    const post = http.connect(server).post("/", body, { ...options, signal: controller.signal });
    expect(listeners()).toBe(1);
    controller.abort("enough");
    await expect(post).rejects.toBe("enough");
    expect(listeners()).toBe(0);
  });

  it("an answer lets go of the signal", async () => {
    const http = memoryHttp();
    http.listen(server, async () => ({ status: 200, body }));
    const { controller, listeners } = countingSignal();
    await http.connect(server).post("/", body, { ...options, signal: controller.signal });
    expect(listeners()).toBe(0);
  });

  it("a signal aborted before, or by the handler itself, ends the request", async () => {
    const http = memoryHttp();
    const controller = new AbortController();
    http.listen(server, () => {
      controller.abort("by the handler");
      return new Promise(() => {});
    });
    const connection = http.connect(server);
    const signal = controller.signal;
    await expect(connection.post("/", body, { ...options, signal })).rejects.toBe("by the handler");
    await expect(connection.post("/", body, { ...options, signal })).rejects.toBe("by the handler");
  });

  it("closing, twice too, ends what is under way", async () => {
    const http = memoryHttp();
    http.listen(server, () => new Promise(() => {}));
    const connection = http.connect(server);
    const post = code(connection.post("/", body, options));
    connection.close();
    connection.close();
    expect(await post).toBe("BC_HTTP_CLOSED");
  });
});
