/** Proxies that the environment names. */
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { systemClock } from "@branchcache/runtime/node";
import { afterEach, describe, expect, it, vi } from "vitest";
import { originClient } from "../../../src/node.ts";
import { listen, readAll } from "../http-fixture.ts";

afterEach(() => vi.unstubAllEnvs());

describe("proxyFromEnvironment", () => {
  it.each([
    ["", true, ["origin.example:80"]],
    ["127.0.0.1", true, []],
    ["", false, []],
  ] as const)("NO_PROXY=%s, asked for: %s", async (noProxy, proxyFromEnvironment, tunnels) => {
    const server = await listen((_request, response) => response.end("content"));
    const asked: (string | undefined)[] = [];
    const proxy = createServer();
    proxy.on("connect", (request, socket) => {
      asked.push(request.url);
      const onward = connect(server.port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      for (const end of [onward, socket]) end.on("error", () => {});
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    for (const name of ["http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY"]) vi.stubEnv(name, undefined);
    vi.stubEnv("HTTP_PROXY", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv("NO_PROXY", noProxy);
    const client = originClient({ clock: systemClock, proxyFromEnvironment });
    const answer = await client.open(tunnels.length > 0 ? "http://origin.example/" : server.url);
    expect(answer.kind === "content" && Buffer.from(await readAll(answer.body)).toString()).toBe("content");
    expect(asked).toEqual(tunnels);
    await client.close();
    proxy.closeAllConnections();
    proxy.close();
    await server.close();
  });
});
