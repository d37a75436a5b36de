/** fetch and request through the interceptor, and a receiver that has the content. */
import { gzipSync } from "node:zlib";
import { systemClock } from "@branchcache/runtime/node";
import { Agent, type Dispatcher, request, fetch as undiciFetch } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type InterceptedContent,
  type PeerDistInterceptorOptions,
  peerDistInterceptor,
} from "../../../src/node.ts";
import { type TestOrigin, testOrigin } from "../gateway/gateway-fixture.ts";

const content = Buffer.alloc(
  300_000,
  Uint8Array.from({ length: 251 }, (_, i) => i),
);
const CODED = {
  "Content-Encoding": "peerdist",
  "Content-Type": "text/plain",
  ETag: '"1"',
  "X-P2P-PeerDist": `Version=1.1, ContentLength=${content.length}`,
};

describe("peerDistInterceptor", () => {
  let origin: TestOrigin;
  const agents: Dispatcher[] = [];
  beforeEach(async () => {
    origin = await testOrigin((request, response) => {
      if (request.url === "/plain") response.writeHead(404).end("none");
      else if (request.url === "/gzip")
        response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync("text"));
      else response.writeHead(200, CODED).end("information");
    });
  });
  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.destroy()));
    await origin.close();
  });

  function through(receive: PeerDistInterceptorOptions["receive"]) {
    const agent = new Agent().compose(peerDistInterceptor({ clock: systemClock, receive }));
    agents.push(agent);
    return agent;
  }
  const whole = async ({ write }: InterceptedContent) => {
    for (let at = 0; at < content.length; at += 65_536) await write(content.subarray(at, at + 65_536));
  };
  const unwanted = () => Promise.reject(new Error("there was no Content Information"));

  it.each([
    ["undici's fetch", undiciFetch],
    ["Node's own fetch", globalThis.fetch as unknown as typeof undiciFetch],
  ])("%s gets the content in place of Content Information", async (_name, fetch) => {
    let seen: InterceptedContent | undefined;
    const dispatcher = through(async (given) => {
      seen = given;
      await whole(given);
    });
    const answer = await fetch(`${origin.url}/file`, { dispatcher, headers: { Authorization: "Bearer x" } });
    expect(answer.headers.get("content-encoding")).toBeNull();
    expect(answer.headers.get("content-type")).toBe("text/plain");
    expect(content.equals(Buffer.from(await answer.arrayBuffer()))).toBe(true);
    expect(seen?.url).toBe(`${origin.url}/file`);
    expect(seen?.headers).toMatchObject({ authorization: "Bearer x" });
    expect(seen?.answer).toMatchObject({ contentLengthBytes: content.length, validator: { etag: '"1"' } });
    expect(Buffer.from(seen?.answer.bytes ?? []).toString()).toBe("information");
    expect(origin.seen[0]?.headers["accept-encoding"]).toMatch(/, peerdist$/);
    expect(origin.seen[0]?.headers["x-p2p-peerdist"]).toBe("Version=1.1");
  });

  it("other answers pass as they are, other codings are the client's", async () => {
    const dispatcher = through(unwanted);
    const none = await undiciFetch(`${origin.url}/plain`, { dispatcher });
    expect([none.status, await none.text()]).toEqual([404, "none"]);
    expect(await (await undiciFetch(`${origin.url}/gzip`, { dispatcher })).text()).toBe("text");
  });

  it.each<[string, Parameters<typeof request>[1]]>([
    ["a POST", { method: "POST", body: "x" }],
    ["a HEAD", { method: "HEAD" }],
    ["a range", { headers: { Range: "bytes=0-5" } }],
    ["a client that speaks it itself", { headers: ["X-P2P-PeerDist", "Version=1.0"] }],
  ])("%s is left alone", async (_name, options) => {
    const answer = await request(`${origin.url}/plain`, { dispatcher: through(unwanted), ...options });
    await answer.body.dump();
    expect(origin.seen[0]?.headers["accept-encoding"]).toBeUndefined();
  });

  it("a reader that is slow holds the receiver", async () => {
    let written = 0;
    const dispatcher = through(async (given) => {
      await whole({ ...given, write: async (bytes) => given.write(bytes).finally(() => written++) });
    });
    const answer = await request(`${origin.url}/file`, { dispatcher });
    expect(written).toBeLessThan(5);
    expect(content.equals(Buffer.from(await answer.body.arrayBuffer()))).toBe(true);
  });

  it("a reader that leaves ends the receiver", async () => {
    let onGone = (_reason: unknown): void => {};
    const gone = new Promise((resolve) => {
      onGone = resolve;
    });
    const dispatcher = through(async (given) => {
      given.signal.addEventListener("abort", () => onGone("aborted"));
      await whole(given);
    });
    const answer = await request(`${origin.url}/file`, { dispatcher });
    answer.body.on("error", () => {});
    answer.body.destroy();
    expect(await gone).toBe("aborted");
  });

  it.each<[string, PeerDistInterceptorOptions["receive"]]>([
    ["fails", () => Promise.reject(new Error("no way"))],
    ["writes too little", ({ write }) => write(content.subarray(1))],
    [
      "writes too much",
      async (given) => {
        await whole(given);
        await given.write(new Uint8Array(1));
      },
    ],
  ])("a receiver that %s is the request's error", async (_name, receive) => {
    const answer = await request(`${origin.url}/file`, { dispatcher: through(receive) });
    await expect(answer.body.arrayBuffer()).rejects.toThrow();
  });

  it.each([
    ["no length", { ...CODED, "X-P2P-PeerDist": "Version=1.1" }, "x"],
    ["too much", { ...CODED, "X-P2P-PeerDist": "Version=1.1, ContentLength=100" }, "x".repeat(5_000)],
  ])("Content Information with %s is refused", async (_name, headers, body) => {
    origin.answer((_request, response) => response.writeHead(200, headers).end(body));
    await expect(request(origin.url, { dispatcher: through(unwanted) })).rejects.toMatchObject({
      code: "BC_ORIGIN_ANSWER",
    });
  });

  it("missing data comes by the same dispatcher, credentials and all", async () => {
    const dispatcher = through(async ({ origin: client, url, headers, answer, write }) => {
      const part = await client.range(url, { startBytes: 0, endBytes: content.length }, answer.validator, {
        headers,
      });
      if (part.kind === "range") for await (const bytes of part.body) await write(bytes);
    });
    origin.answer((request, response) => {
      if (!request.headers.range) response.writeHead(200, CODED).end("information");
      else {
        const range = {
          "Content-Range": `bytes 0-299999/300000`,
          ETag: '"1"',
          "Content-Length": content.length,
        };
        response.writeHead(206, range).end(content);
      }
    });
    const answer = await request(origin.url, { dispatcher, headers: { Authorization: "Bearer x" } });
    expect(content.equals(Buffer.from(await answer.body.arrayBuffer()))).toBe(true);
    expect(origin.seen[1]?.headers).toMatchObject({
      authorization: "Bearer x",
      "if-range": '"1"',
      "accept-encoding": "identity",
      "x-p2p-peerdist": "Version=1.1, MissingDataRequest=true",
    });
  });
});
