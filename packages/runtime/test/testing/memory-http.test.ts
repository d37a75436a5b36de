import { describe, expect, it } from "vitest";
import { errorCode, type HttpPostOptions } from "../../src/index.ts";
import { type MemoryHttpHandler, memoryHttp } from "../../src/testing.ts";

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

  it("nothing answers at an endpoint that was unplugged", async () => {
    const http = memoryHttp();
    http.listen(server, async () => ({ status: 200, body }));
    expect(await code(http.connect(server).post("/", body, options))).toBe("no error");
    http.unplug(server);
    expect(await code(http.connect(server).post("/", body, options))).toBe("BC_HTTP_CONNECT");
  });

  it("a handler that throws, or rejects, drops the connection; the fault is the cause", async () => {
    const handlers: readonly MemoryHttpHandler[] = [
      async () => {
        throw new Error("dropped");
      },
      () => {
        throw new Error("dropped");
      },
    ];
    for (const handler of handlers) {
      const http = memoryHttp();
      http.listen(server, handler);
      const error: unknown = await http
        .connect(server)
        .post("/", body, options)
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "BC_HTTP_CLOSED", cause: { message: "dropped" } });
    }
  });

  it("a request that its own handler aborts ends", async () => {
    const http = memoryHttp();
    const controller = new AbortController();
    http.listen(server, () => {
      controller.abort("by the handler");
      return new Promise(() => {});
    });
    const post = http.connect(server).post("/", body, { ...options, signal: controller.signal });
    await expect(post).rejects.toBe("by the handler");
  });
});
