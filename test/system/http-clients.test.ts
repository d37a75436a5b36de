/** Real clients, and the rounds that BITS makes, before `branchcache serve` and `branchcache gateway`. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { toHex } from "@branchcache/runtime";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../support/commands.ts";
import { type RunningService, startGateway, startServe } from "../support/content-service.ts";
import { curl, EX, headerArgs, isCoded, OFFER } from "../support/curl.ts";
import { type Nginx, startNginx } from "../support/nginx.ts";
import { requirement } from "../support/requires.ts";

const nginx = requirement("nginx");
const curlProgram = requirement("curl");
const wget = requirement("wget");
const openssl = requirement("openssl");
const browser = requirement("chromium");
const run = promisify(execFile);

const MODIFIED_SECONDS = 1_000_000;
const MODIFIED = new Date(MODIFIED_SECONDS * 1_000).toUTCString();
/** Over the 1 MB from which Windows Server 2008 R2 closes connections. */
const binary = Buffer.alloc(
  1_300_001,
  Uint8Array.from({ length: 251 }, (_, i) => (i * 31 + 7) % 251),
);
const page = `<!doctype html><title>office</title><link rel=icon href=data:,><p>${"words ".repeat(40_000)}</p>`;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe.skipIf(!nginx.ok || !curlProgram.ok)("clients of serve and gateway", () => {
  let directory: string;
  let root: string;
  let origin: Nginx;
  let gateway: RunningService;
  let serve: RunningService;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-clients-"));
    root = join(directory, "www");
    await mkdir(join(root, "a b"), { recursive: true });
    await writeFile(join(root, "page.html"), page);
    await writeFile(join(root, "boot.ipxe"), binary.subarray(0, 66_560));
    for (const name of ["data.bin", "bits.bin", "before.bin", "grown.bin", "a b/50%.bin"]) {
      await writeFile(join(root, name), binary);
      await utimes(join(root, name), MODIFIED_SECONDS, MODIFIED_SECONDS);
    }
    origin = await startNginx(
      nginx.path,
      (port) => `types { text/html html; application/octet-stream bin; }
      server { listen 127.0.0.1:${port}; root ${root}; gzip on; gzip_proxied any;
        location /slow/ { alias ${root}/; limit_rate 2m; } }`,
    );
    gateway = await startGateway(origin.url);
    serve = await startServe(root);
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await serve?.[Symbol.asyncDispose]();
    await origin?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const get = (url: string, ...args: readonly string[]) => curl(curlProgram.path, url, ...args);
  const services = (): readonly (readonly [string, string])[] => [
    ["gateway", gateway.url],
    ["serve", serve.url],
  ];

  it("PCCRTP-51 BITS: HEAD, If-Modified-Since, and ranges that are Content Information from the first", async () => {
    for (const [name, base] of services()) {
      const bits = (...args: readonly string[]) =>
        get(
          `${base}/bits.bin`,
          ...["-A", "Microsoft BITS/7.8"],
          ...headerArgs(["Accept-Encoding: peerdist, identity", ...OFFER.slice(1)]),
          ...args,
        );
      const head = await bits("-I");
      expect(head, name).toMatchObject({ status: 200 });
      expect(head.headers["content-length"]).toBe(String(binary.length));
      expect(isCoded(head)).toBe(false);
      expect((await bits("-H", `If-Modified-Since: ${MODIFIED}`)).status).toBe(304);
      for (const [first, last] of [
        [0, 524_287],
        [524_288, 1_300_000],
      ] as const) {
        const part = await bits(
          ...["-r", `${first}-${last}`, "-H", "If-Modified-Since: Thu, 01 Jan 1970 00:00:01 GMT"],
        );
        expect(part, name).toMatchObject({ status: 206 });
        expect(isCoded(part), `${name} ${first}`).toBe(true);
        expect(part.headers["content-range"]).toBe(`bytes ${first}-${last}/${binary.length}`);
        expect(rangeDescribed(part.body, binary)).toEqual({ startBytes: first, endBytes: last + 1 });
      }
      // What the branch does not have comes as bytes.
      const missing = ["-r", "70000-135535", "-H", "X-P2P-PeerDist: Version=1.1, MissingDataRequest=true"];
      const bytes = await get(`${base}/bits.bin`, "-A", "Microsoft BITS/7.8", ...missing);
      expect(bytes.body.equals(binary.subarray(70_000, 135_536))).toBe(true);
    }
  });

  it("PCCRTP-37 PCCRTP-48 PCCRTP-49 ranges of a large file do not cost a client its connection", async () => {
    for (const [name, base] of services()) {
      for (const agentName of ["Microsoft BITS/7.8", "other"]) {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        const sockets = new Set<unknown>();
        for (const range of ["bytes=0-9", "bytes=0-1199999", "bytes=10-19"]) {
          const fields = Object.fromEntries(OFFER.map((line) => line.split(": ")));
          const headers = { ...fields, Range: range, "User-Agent": agentName };
          const asked = request(`${base}/bits.bin`, { agent, headers });
          asked.end();
          const [answer] = (await once(asked, "response")) as [IncomingMessage];
          expect(answer.statusCode).toBe(206);
          expect(answer.headers.connection, name).not.toBe("close");
          sockets.add(answer.socket);
          answer.resume();
          await once(answer, "end");
        }
        expect(sockets.size, `${name} ${agentName}`).toBe(1);
        agent.destroy();
      }
    }
  });

  it("PCCRTP-36 what is hashed beforehand is Content Information at the first request", async () => {
    const { stdout } = await run(
      ...publish(
        ...[root, "-r", "--url-prefix", "http://files.example/", "--origin", origin.url, "--json"],
        ...["--cache-dir", join(directory, "published")],
      ),
    );
    const results = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { path: string; result: string });
    expect(results).toContainEqual(
      expect.objectContaining({ path: "http://files.example/a%20b/50%25.bin", result: "hashed" }),
    );
    await using before = await startGateway(origin.url, "--cache-dir", join(directory, "published"));
    for (const path of ["/before.bin", "/a%20b/50%25.bin"]) {
      const host = ["-H", "Host: files.example"];
      expect(isCoded(await get(`${before.url}${path}`, ...headerArgs(OFFER), ...host))).toBe(true);
    }
    expect(before.log.filter(({ event }) => event === "publish.done")).toEqual([]);
  });

  it("publish --url-prefix says why not", async () => {
    const nowhere = publish(join(root, "data.bin"), "--url-prefix", `${origin.url}/nowhere`);
    const failure = await run(...nowhere).catch((error: { code: number; stderr: string }) => error);
    expect(failure).toMatchObject({ code: 1 });
    expect(failure.stderr).toContain(`${origin.url}/nowhere/data.bin: status 404`);
    const wrong = publish(join(root, "data.bin"), "--origin", origin.url);
    await expect(run(...wrong)).rejects.toMatchObject({ code: 2 });
  });

  it("another secret changes the identifiers and hashes nothing again; the same secret gives the same", async () => {
    const cache = ["--cache-dir", join(directory, "secrets-cache")];
    const idsOf = async (service: RunningService) => {
      const { body } = await get(
        `${service.url}/data.bin`,
        ...headerArgs([...OFFER.slice(0, 2), `X-P2P-PeerDistEx: ${EX}, HashRequest=true`]),
      );
      return readContentInformation(body, nodeHashEngine).segments.map(({ id }) => toHex(id));
    };
    const under = async (secret: string, ...args: readonly string[]) => {
      await using service = await startServe(root, "--secret-file", join(directory, secret), ...args);
      const ids = await idsOf(service);
      return { ids, hashed: service.log.filter(({ event }) => event === "publish.done").length };
    };
    const first = await under("one", ...cache);
    const second = await under("two", ...cache);
    const elsewhere = await under("one");
    expect([first.hashed, second.hashed, elsewhere.hashed]).toEqual([1, 0, 1]);
    expect(second.ids.some((id) => first.ids.includes(id))).toBe(false);
    expect(elsewhere.ids).toEqual(first.ids);
  });

  it("a boot script of 65 KB comes at once from serve too: complaint 6", async () => {
    for (let i = 0; i < 2; i++) {
      const script = await get(
        `${serve.url}/boot.ipxe`,
        ...headerArgs([...OFFER.slice(0, 2), `X-P2P-PeerDistEx: ${EX}, HashRequest=true`]),
      );
      expect(script.body.equals(binary.subarray(0, 66_560))).toBe(true);
      expect(script.headers["x-p2p-peerdistex"]).toBeUndefined();
    }
  });

  it.skipIf(!wget.ok)("wget gets the file, and goes on with half of one", async () => {
    for (const [name, base] of services()) {
      const target = join(directory, `wget-${name}`);
      await run(wget.path, ["-q", "-O", target, `${base}/data.bin`]);
      expect((await readFile(target)).equals(binary)).toBe(true);
      await truncate(target, 600_000);
      await run(wget.path, ["-q", "-c", "-O", target, `${base}/data.bin`]);
      expect((await readFile(target)).equals(binary)).toBe(true);
      // wget asks with If-Modified-Since.
      const again = join(directory, name);
      await mkdir(again);
      await run(wget.path, ["-q", "-N", "-P", again, `${base}/data.bin`]);
      const { mtimeMs } = await stat(join(again, "data.bin"));
      const { stderr } = await run(wget.path, ["-N", "-P", again, `${base}/data.bin`]);
      expect(stderr).toMatch(/304 Not Modified|not modified/);
      expect(mtimeMs).toBe(MODIFIED_SECONDS * 1_000);
    }
  });

  it("fetch sees what it always sees, while others get Content Information", async () => {
    for (const [name, base] of services()) {
      await get(
        `${base}/data.bin`,
        ...headerArgs([...OFFER.slice(0, 2), `X-P2P-PeerDistEx: ${EX}, HashRequest=true`]),
      );
      expect(isCoded(await get(`${base}/data.bin`, ...headerArgs(OFFER))), name).toBe(true);
      const answer = await fetch(`${base}/data.bin`);
      expect([...answer.headers.keys()].filter((field) => field.startsWith("x-p2p"))).toEqual([]);
      expect(sha256(new Uint8Array(await answer.arrayBuffer()))).toBe(sha256(binary));
    }
  });

  it.skipIf(!browser.ok)(
    "a browser shows the page and its script gets files and parts of files",
    async () => {
      const chrome = await chromium.launch({ executablePath: browser.path, args: ["--no-sandbox"] });
      try {
        for (const [name, base] of services()) {
          const tab = await chrome.newPage();
          const answer = await tab.goto(`${base}/page.html`);
          expect(answer?.status(), name).toBe(200);
          // nginx compresses for the browser, and the gateway leaves that alone.
          expect(answer?.headers()["content-encoding"]).toBe(name === "gateway" ? "gzip" : undefined);
          expect(await tab.title()).toBe("office");
          const seen = await tab.evaluate(async () => {
            const digest = async (response: Response) => {
              const hash = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
              return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
            };
            const whole = await fetch("/data.bin");
            const part = await fetch("/data.bin", { headers: { Range: "bytes=1000-200000" } });
            return [await digest(whole), part.status, await digest(part), (await fetch("/none")).status];
          });
          expect(seen).toEqual([sha256(binary), 206, sha256(binary.subarray(1_000, 200_001)), 404]);
          await tab.close();
        }
      } finally {
        await chrome.close();
      }
    },
    60_000,
  );

  it("an origin that sends slowly: bytes pass as they come, are hashed, and then are Content Information", async () => {
    const answer = await fetch(`${gateway.url}/slow/data.bin`, {
      headers: Object.fromEntries(OFFER.map((line) => line.split(": "))),
    });
    let [pieces, bytes] = [0, 0];
    const whole = createHash("sha256");
    for await (const piece of answer.body ?? []) {
      pieces++;
      bytes += piece.length;
      whole.update(piece);
    }
    expect([bytes, whole.digest("hex")]).toEqual([binary.length, sha256(binary)]);
    expect(pieces).toBeGreaterThan(2);
    await gateway.whenHashed("/slow/data.bin");
    expect(isCoded(await get(`${gateway.url}/slow/data.bin`, ...headerArgs(OFFER)))).toBe(true);
  });

  it("a file that grows while it is downloaded and hashed: never hashes of half of it", async () => {
    const path = join(root, "grown.bin");
    const longer = Buffer.concat([binary, binary]);
    for (const [name, base] of services()) {
      await writeFile(path, binary);
      const first = get(`${base}/grown.bin`, ...headerArgs(OFFER));
      await writeFile(path, longer);
      await first;
      await utimes(path, MODIFIED_SECONDS + 5, MODIFIED_SECONDS + 5);
      const ask = headerArgs([...OFFER.slice(0, 2), `X-P2P-PeerDistEx: ${EX}, HashRequest=true`]);
      const { headers, body } = await get(`${base}/grown.bin`, ...ask);
      expect(headers["x-p2p-peerdist"], name).toBe(`Version=1.1, ContentLength=${longer.length}`);
      expect(rangeDescribed(body, longer)).toEqual({ startBytes: 0, endBytes: longer.length });
    }
  });

  it.skipIf(!openssl.ok)("an origin behind TLS is believed only with a certificate that is", async () => {
    const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
    await run(openssl.path, [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
      ...[
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        key,
        "-out",
        certificate,
      ],
    ]);
    await using secure = await startNginx(
      nginx.path,
      (port) => `server { listen 127.0.0.1:${port} ssl; root ${root};
        ssl_certificate ${certificate}; ssl_certificate_key ${key}; }`,
    );
    const url = `https://localhost:${secure.port}`;
    const target = join(directory, "secure");
    const [node, ...args] = command(
      "branchcache",
      ...["get", `${url}/data.bin`, "-o", target, "--no-daemon", "--mode", "local"],
      ...["--cache-dir", join(directory, "client")],
    );
    await expect(run(node, args)).rejects.toMatchObject({ code: 1 });
    const trusting = { ...process.env, NODE_EXTRA_CA_CERTS: certificate };
    await run(node, args, { env: trusting });
    expect((await readFile(target)).equals(binary)).toBe(true);
    await using distrusted = await startGateway(url);
    expect((await get(`${distrusted.url}/data.bin`)).status).toBe(502);
  });

  /** Of content whose every segment has the hash that the Content Information says. */
  function rangeDescribed(contentInformation: Uint8Array, content: Uint8Array) {
    const { range, segments } = readContentInformation(contentInformation, nodeHashEngine);
    for (const { offsetBytes, lengthBytes, algorithm, blockHashes } of segments) {
      const bytes = content.subarray(offsetBytes, offsetBytes + lengthBytes);
      expect(toHex(blockHashes[0] ?? bytes)).toBe(toHex(nodeHashEngine.hash(algorithm, bytes)));
    }
    return range;
  }

  function publish(...args: readonly string[]): [string, string[]] {
    const own = args.includes("--cache-dir") ? [] : ["--cache-dir", join(directory, "other")];
    const [node, ...rest] = command("branchcache", "publish", ...args, ...own);
    return [node, rest];
  }
});
