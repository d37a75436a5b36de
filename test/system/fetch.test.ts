/** Any fetch through the branch: what peers hold comes from them, and they learn nothing of the request. */
import { Socket as UdpSocket } from "node:dgram";
import { Socket } from "node:net";
import { freeUdpPort } from "@branchcache/cli/testing";
import { interceptedDispatcher } from "@branchcache/http-encoding/node";
import { branchCacheInterceptor } from "@branchcache/peer-node";
import { equalBytes } from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import { recordingObserver, seededRandom } from "@branchcache/runtime/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { branchNode, PATIENT_MS } from "../support/branch-node.ts";
import { contentServer } from "../support/content-server.ts";

const content = seededRandom(12).bytes(1024 * 1024);
const SECRETS = { Authorization: "Bearer hush-token", Cookie: "session=hush-cookie" };

describe("fetch", () => {
  afterEach(() => vi.restoreAllMocks());

  it("takes content from a peer, and sends it no header of the request", async () => {
    await using origin = await contentServer();
    await origin.put(content);
    const discoveryPort = await freeUdpPort();
    await using holder = await branchNode({ discoveryPort, listen: { host: "127.0.0.1", port: 0 } });
    await holder.get(origin.url);
    const observer = recordingObserver();
    await using node = await branchNode({ discoveryPort, discovery: { waitMs: PATIENT_MS } });
    const dispatcher = interceptedDispatcher(
      branchCacheInterceptor({ branchCache: node.node, clock: systemClock, observer }),
    );

    const originPort = Number(new URL(origin.url).port);
    const sent: string[] = [];
    const { write: tcpWrite } = Socket.prototype;
    vi.spyOn(Socket.prototype, "write").mockImplementation(function (this: Socket, ...args: unknown[]) {
      const withOrigin = this.remotePort === originPort || this.localPort === originPort;
      if (!withOrigin) sent.push(textOf(args[0]));
      return (tcpWrite as (...all: unknown[]) => boolean).apply(this, args);
    } as never);
    const { send } = UdpSocket.prototype;
    vi.spyOn(UdpSocket.prototype, "send").mockImplementation(function (this: UdpSocket, ...args: unknown[]) {
      sent.push(textOf(args[0]));
      return (send as (...all: unknown[]) => void).apply(this, args);
    } as never);

    const answer = await fetch(origin.url, { headers: SECRETS, dispatcher: dispatcher as never });
    expect(equalBytes(new Uint8Array(await answer.arrayBuffer()), content)).toBe(true);
    expect(observer.total("retrieval_bytes_total", { source: "origin" })).toBe(0);
    expect(sent.some((text) => text.includes("HTTP/1.1"))).toBe(true);
    expect(sent.join("\n")).not.toContain("hush");
    await dispatcher.close();
  });
});

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  return typeof value === "string" ? value : "";
}
