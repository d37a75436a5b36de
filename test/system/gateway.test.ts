/** The gateway between real programs: nginx behind it, nginx with a cache before it, curl and our own client. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freeUdpPort } from "@branchcache/cli/testing";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { branchNode } from "../support/branch-node.ts";
import { type RunningService, startGateway } from "../support/content-service.ts";
import { type CurlAnswer, curl, EX, headerArgs, isCoded, OFFER } from "../support/curl.ts";
import { type Nginx, startNginx } from "../support/nginx.mjs";
import { requirement } from "../support/requires.ts";

const nginx = requirement("nginx");
const program = requirement("curl");
const run = promisify(execFile);

const binary = Buffer.alloc(
  700_001,
  Uint8Array.from({ length: 251 }, (_, i) => (i * 31 + 7) % 251),
);
const text = Buffer.alloc(300_000, "All work and no play makes a dull branch.\n");
/** Of the files, in seconds and as HTTP has it. */
const MODIFIED_SECONDS = 1_000_000;
const MODIFIED = new Date(MODIFIED_SECONDS * 1_000).toUTCString();

describe.skipIf(!nginx.ok || !program.ok)("the gateway between real programs", () => {
  let directory: string;
  let origin: Nginx;
  let gateway: RunningService;
  let edge: Nginx;
  let breaking: Server;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-behind-"));
    const root = join(directory, "www");
    await mkdir(join(root, "both"), { recursive: true });
    await mkdir(join(root, "alice"));
    for (const name of [
      "plain.bin",
      "cached.bin",
      "bits.bin",
      "got.bin",
      "walk.bin",
      "both/a.bin",
      "alice/a.bin",
    ]) {
      await writeFile(join(root, name), binary);
      await utimes(join(root, name), MODIFIED_SECONDS, MODIFIED_SECONDS);
    }
    await writeFile(join(root, "text.txt"), text);
    await writeFile(join(root, "boot.script"), binary.subarray(0, 66_560));
    await writeFile(join(directory, "both.users"), "alice:{PLAIN}a\nbob:{PLAIN}b\n");
    await writeFile(join(directory, "alice.users"), "alice:{PLAIN}a\n");
    breaking = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () =>
        socket.end(`HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 500000\r\n\r\n${"x".repeat(200_000)}`),
      );
    });
    breaking.listen(0, "127.0.0.1");
    await once(breaking, "listening");
    origin = await startNginx(
      nginx.path,
      (
        port,
      ) => `server { listen 127.0.0.1:${port}; root ${root}; gzip on; gzip_types text/plain; gzip_proxied any;
        types { text/plain txt; application/octet-stream bin; }
        location /both/ { auth_basic x; auth_basic_user_file ${directory}/both.users; }
        location /alice/ { auth_basic x; auth_basic_user_file ${directory}/alice.users; }
        location /breaking { proxy_pass http://127.0.0.1:${(breaking.address() as AddressInfo).port}; proxy_buffering off; }
      }`,
    );
    gateway = await startGateway(origin.url);
    edge = await startNginx(
      nginx.path,
      (port, own) => `proxy_cache_path ${own}/cache keys_zone=c:1m;
      server { listen 127.0.0.1:${port}; location / { proxy_pass ${gateway.url}; proxy_http_version 1.1;
        proxy_set_header Host 127.0.0.1:${origin.port};
        proxy_cache c; proxy_cache_valid 200 206 1m; proxy_cache_key $uri; add_header X-Cache $upstream_cache_status;
        proxy_no_cache $http_authorization; proxy_cache_bypass $http_authorization; } }`,
    );
  });

  afterAll(async () => {
    await edge?.[Symbol.asyncDispose]();
    await gateway?.[Symbol.asyncDispose]();
    await origin?.[Symbol.asyncDispose]();
    breaking?.close();
    await rm(directory, { recursive: true, force: true });
  });

  const get = (url: string, ...args: readonly string[]) =>
    curl(program.path, url, ...headerArgs([`Host: 127.0.0.1:${origin.port}`]), ...args);
  const offered = (path: string, ...args: readonly string[]) =>
    get(`${gateway.url}${path}`, ...headerArgs(OFFER), ...args);

  it.each<[string, readonly string[]]>([
    ["/plain.bin", []],
    ["/plain.bin", ["--http1.0"]],
    ["/plain.bin", ["-r", "100-199999"]],
    ["/plain.bin", ["-r", "-5000"]],
    ["/plain.bin", ["-r", "0-9,20-29"]],
    ["/plain.bin", ["-r", "9999999-"]],
    ["/plain.bin", ["-I"]],
    ["/plain.bin", ["-H", `If-Modified-Since: ${MODIFIED}`]],
    ["/plain.bin", ["-H", `If-None-Match: "${MODIFIED_SECONDS.toString(16)}-${binary.length.toString(16)}"`]],
    ["/plain.bin", ["-H", 'If-Match: "other"']],
    ["/text.txt", []],
    ["/text.txt", ["-H", "Accept-Encoding: gzip"]],
    ["/missing", []],
    ["/both", []],
    ["/both/a.bin", []],
    ["/both/a.bin", ["-u", "alice:a"]],
    ["/alice/a.bin", ["-u", "bob:b"]],
    ["/plain.bin", ["-d", "x=y"]],
  ])("nobody who did not ask for the coding sees a difference: %s %o", async (path, args) => {
    const direct = await get(`${origin.url}${path}`, ...args);
    const essential = ({ status, headers, body }: CurlAnswer) => {
      const { date: _1, connection: _2, vary: _3, "keep-alive": _4, ...kept } = headers;
      // Boundaries are drawn anew each time.
      const boundary = /boundary=(\S+)/.exec(kept["content-type"] ?? "")?.[1] ?? "\0";
      const plain = body.toString("latin1").replaceAll(boundary, "");
      return {
        status,
        headers: JSON.stringify(Object.entries(kept).sort()).replaceAll(boundary, ""),
        body: plain,
      };
    };
    expect(essential(await get(`${gateway.url}${path}`, ...args))).toEqual(essential(direct));
    const viaCache = await get(`${edge.url}${path}`, ...args);
    expect(viaCache.status).toBe(direct.status);
    if (!path.startsWith("/text")) expect(essential(viaCache).body).toBe(essential(direct).body);
  });

  it("curl walks sequences A, B and C", async () => {
    const first = await offered("/walk.bin");
    expect(first.headers["x-p2p-peerdistex"]).toBe("MakeHashRequest=true");
    expect(first.body.equals(binary)).toBe(true);
    const asked = await get(
      `${gateway.url}/walk.bin`,
      ...headerArgs(OFFER.slice(0, 2)),
      ...headerArgs([`X-P2P-PeerDistEx: ${EX}, HashRequest=true`]),
    );
    expect(isCoded(asked)).toBe(true);
    const ready = await offered("/walk.bin");
    expect(ready.body.equals(asked.body)).toBe(true);
    expect(ready.headers).toMatchObject({
      "content-type": "application/octet-stream",
      "x-p2p-peerdist": `Version=1.1, ContentLength=${binary.length}`,
      etag: first.headers["etag"],
    });
    const information = readContentInformation(ready.body, nodeHashEngine);
    for (const segment of information.segments) {
      const end = segment.offsetBytes + segment.lengthBytes;
      const part = await get(
        `${gateway.url}/walk.bin`,
        ...["-r", `${segment.offsetBytes}-${end - 1}`, "-H", `If-Range: ${ready.headers["etag"]}`],
        ...["-H", "X-P2P-PeerDist: Version=1.1, MissingDataRequest=true"],
      );
      expect(part.status).toBe(206);
      const hash = nodeHashEngine.hash(segment.algorithm, part.body);
      expect(hash).toEqual(Uint8Array.from(segment.blockHashes[0] ?? []));
    }
  });

  it("PCCRTP-51 BITS gets Content Information for its first range", async () => {
    expect(isCoded(await offered("/bits.bin", "-I"))).toBe(false);
    const bits = ["-A", "Microsoft BITS/7.8", "-H", `If-Modified-Since: ${MODIFIED}`];
    expect((await offered("/bits.bin", ...bits)).status).toBe(304);
    const older = ["-A", "Microsoft BITS/7.8", "-H", "If-Modified-Since: Thu, 01 Jan 1970 00:00:01 GMT"];
    const part = await offered("/bits.bin", ...older, "-r", "0-499999");
    expect(part.status).toBe(206);
    expect(isCoded(part)).toBe(true);
    expect(part.headers["content-range"]).toBe(`bytes 0-499999/${binary.length}`);
  });

  it("PCCRTP-39 two users with different rights", async () => {
    const [alice, bob] = [
      ["-u", "alice:a"],
      ["-u", "bob:b"],
    ];
    await offered("/alice/a.bin", ...(alice ?? []));
    await offered("/both/a.bin", ...(alice ?? []));
    await gateway.whenHashed("/alice/a.bin");
    await gateway.whenHashed("/both/a.bin");
    for (const base of [gateway.url, edge.url]) {
      const as = (path: string, user: readonly string[] = []) =>
        get(`${base}${path}`, ...headerArgs(OFFER), ...user);
      expect(isCoded(await as("/alice/a.bin", alice))).toBe(true);
      expect(isCoded(await as("/both/a.bin", bob))).toBe(true);
      expect((await as("/alice/a.bin", bob)).status).toBe(401);
      expect((await as("/alice/a.bin")).status).toBe(401);
    }
  });

  it("a cache in front keeps content, and never Content Information", async () => {
    const through = (...args: readonly string[]) => get(`${edge.url}/cached.bin`, ...args);
    const first = await through(...headerArgs(OFFER));
    expect(first.headers["x-cache"]).toBe("MISS");
    await gateway.whenHashed("/cached.bin");
    for (let i = 0; i < 2; i++) {
      const coded = await through(...headerArgs(OFFER));
      expect(isCoded(coded)).toBe(true);
      expect(coded.headers["x-cache"]).toBe("MISS");
    }
    const states: (string | undefined)[] = [];
    for (let i = 0; i < 2; i++) {
      const plain = await through();
      expect(plain.body.equals(binary)).toBe(true);
      expect(isCoded(plain)).toBe(false);
      states.push(plain.headers["x-cache"]);
    }
    expect(states).toEqual(["MISS", "HIT"]);
    expect(isCoded(await through(...headerArgs(OFFER)))).toBe(true);
  });

  it("who offers the coding gets text as it is, not compressed", async () => {
    const first = await offered("/text.txt");
    expect(first.headers["content-encoding"]).toBeUndefined();
    await gateway.whenHashed("/text.txt");
    expect(isCoded(await offered("/text.txt"))).toBe(true);
  });

  it("a boot script of 65 KB is there at once: complaint 6", async () => {
    for (let i = 0; i < 2; i++) {
      const script = await offered("/boot.script", "-H", `X-P2P-PeerDistEx: ${EX}, HashRequest=true`);
      expect(script.body.equals(binary.subarray(0, 66_560))).toBe(true);
      expect(script.headers["x-p2p-peerdistex"]).toBeUndefined();
    }
  });

  it("an answer that breaks off is broken off for the client too, and not hashed", async () => {
    for (const args of [[], headerArgs(OFFER)]) {
      const failure = await run(program.path, [
        "-s",
        ...args,
        `${gateway.url}/breaking`,
        "-o",
        "/dev/null",
      ]).catch((error: { code: number }) => error.code);
      // curl: transfer closed with bytes outstanding.
      expect(failure).toBe(18);
    }
    expect(
      gateway.log.filter(({ event, path }) => event === "publish.done" && path?.includes("breaking")),
    ).toEqual([]);
  });

  it("an origin whose ETag lies: right bytes all the same", async () => {
    let served = binary;
    const liar = createHttpServer((request, response) => {
      response.setHeader("ETag", '"always"');
      if (request.headers["if-none-match"] === '"always"') {
        response.writeHead(304).end();
        return;
      }
      const [, start = "0", end = String(served.length - 1)] =
        /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      const part = served.subarray(Number(start), Number(end) + 1);
      if (part.length < served.length) {
        response.statusCode = 206;
        response.setHeader("Content-Range", `bytes ${start}-${end}/${served.length}`);
      }
      response.setHeader("Content-Length", part.length).end(request.method === "HEAD" ? undefined : part);
    });
    liar.listen(0, "127.0.0.1");
    await once(liar, "listening");
    await using before = await startGateway(`http://127.0.0.1:${(liar.address() as AddressInfo).port}`);
    const url = `${before.url}/file`;
    await get(url, ...headerArgs(OFFER));
    await before.whenHashed("/file");
    served = Buffer.from(binary).reverse();
    await using node = await branchNode({ discoveryPort: await freeUdpPort() });
    const { content, report } = await node.get(url);
    expect(served.equals(content)).toBe(true);
    expect(report.answer).toBe("content");
    liar.closeAllConnections();
    liar.close();
  });

  it("our own client, and a file that is replaced between two downloads", async () => {
    const url = `${gateway.url}/got.bin`;
    await using node = await branchNode({ discoveryPort: await freeUdpPort() });
    expect(binary.equals((await node.get(url)).content)).toBe(true);
    await gateway.whenHashed("/got.bin");
    const { report } = await node.get(url);
    expect([report.answer, report.bytes.origin]).toEqual(["content-information", 0]);
    const changed = Buffer.from(binary).reverse();
    await writeFile(join(directory, "www", "new"), changed);
    await rename(join(directory, "www", "new"), join(directory, "www", "got.bin"));
    expect(changed.equals((await node.get(url)).content)).toBe(true);
  });
});
