/** Before `branchcache serve` and `branchcache gateway`: what takes many programs, or large ones. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { toHex } from "@branchcache/runtime";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../support/commands.mjs";
import { binary, type ContentScene, contentScene } from "../support/content-scene.ts";
import { type RunningService, startGateway, startServe } from "../support/content-service.ts";
import { curl, EX, headerArgs, isCoded, OFFER } from "../support/curl.ts";
import { startNginx } from "../support/nginx.mjs";
import { requirement } from "../support/requires.ts";

const nginx = requirement("nginx");
const curlProgram = requirement("curl");
const openssl = requirement("openssl");
const browser = requirement("chromium");
const run = promisify(execFile);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe.skipIf(!nginx.ok || !curlProgram.ok)("publishers and clients of serve and gateway", () => {
  let scene: ContentScene;

  beforeAll(async () => {
    scene = await contentScene(nginx.path, ["data.bin", "before.bin", "a b/50%.bin"]);
  });

  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  });

  const get = (url: string, ...args: readonly string[]) => curl(curlProgram.path, url, ...args);

  it("PCCRTP-36 what is hashed beforehand is Content Information at the first request", async () => {
    const { stdout } = await run(
      ...publish(
        ...[
          scene.root,
          "-r",
          "--url-prefix",
          "http://files.example/",
          "--origin",
          scene.origin.url,
          "--json",
        ],
        ...["--cache-dir", join(scene.directory, "published")],
      ),
    );
    const results = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { path: string; result: string });
    expect(results).toContainEqual(
      expect.objectContaining({ path: "http://files.example/a%20b/50%25.bin", result: "hashed" }),
    );
    await using before = await startGateway(
      scene.origin.url,
      "--cache-dir",
      join(scene.directory, "published"),
    );
    for (const path of ["/before.bin", "/a%20b/50%25.bin"]) {
      const host = ["-H", "Host: files.example"];
      expect(isCoded(await get(`${before.url}${path}`, ...headerArgs(OFFER), ...host))).toBe(true);
    }
    expect(before.log.filter(({ event }) => event === "publish.done")).toEqual([]);
  });

  it("publish --url-prefix says why not", async () => {
    const nowhere = publish(join(scene.root, "data.bin"), "--url-prefix", `${scene.origin.url}/nowhere`);
    const failure = await run(...nowhere).catch((error: { code: number; stderr: string }) => error);
    expect(failure).toMatchObject({ code: 1 });
    expect(failure.stderr).toContain(`${scene.origin.url}/nowhere/data.bin: status 404`);
    const wrong = publish(join(scene.root, "data.bin"), "--origin", scene.origin.url);
    await expect(run(...wrong)).rejects.toMatchObject({ code: 2 });
  });

  it("another secret changes the identifiers and hashes nothing again; the same secret gives the same", async () => {
    const cache = ["--cache-dir", join(scene.directory, "secrets-cache")];
    const idsOf = async (service: RunningService) => {
      const { body } = await get(
        `${service.url}/data.bin`,
        ...headerArgs([...OFFER.slice(0, 2), `X-P2P-PeerDistEx: ${EX}, HashRequest=true`]),
      );
      return readContentInformation(body, nodeHashEngine).segments.map(({ id }) => toHex(id));
    };
    const under = async (secret: string, ...args: readonly string[]) => {
      await using service = await startServe(
        scene.root,
        "--secret-file",
        join(scene.directory, secret),
        ...args,
      );
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

  it.skipIf(!browser.ok)(
    "a browser shows the page and its script gets files and parts of files",
    async () => {
      const chrome = await chromium.launch({ executablePath: browser.path, args: ["--no-sandbox"] });
      try {
        for (const [name, base] of scene.services) {
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
    300_000,
  );

  it.skipIf(!openssl.ok)("an origin behind TLS is believed only with a certificate that is", async () => {
    const [key, certificate] = [join(scene.directory, "key.pem"), join(scene.directory, "certificate.pem")];
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
      (port) => `server { listen 127.0.0.1:${port} ssl; root ${scene.root};
        ssl_certificate ${certificate}; ssl_certificate_key ${key}; }`,
    );
    const url = `https://localhost:${secure.port}`;
    const target = join(scene.directory, "secure");
    const [node, ...args] = command(
      "branchcache",
      ...["get", `${url}/data.bin`, "-o", target, "--no-daemon", "--mode", "local"],
      ...["--cache-dir", join(scene.directory, "client")],
    );
    await expect(run(node, args)).rejects.toMatchObject({ code: 1 });
    const trusting = { ...process.env, NODE_EXTRA_CA_CERTS: certificate };
    await run(node, args, { env: trusting });
    expect((await readFile(target)).equals(binary)).toBe(true);
    await using distrusted = await startGateway(url);
    expect((await get(`${distrusted.url}/data.bin`)).status).toBe(502);
  });

  it("get goes on where a broken connection left it", async () => {
    const target = join(scene.directory, "resumed");
    let cut = true;
    const ranges: (string | undefined)[] = [];
    const breakingOff = createServer((request, response) => {
      const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      ranges.push(request.headers.range);
      response.writeHead(start > 0 ? 206 : 200, {
        ETag: '"1"',
        "Content-Length": binary.length - start,
        ...(start > 0 && { "Content-Range": `bytes ${start}-${binary.length - 1}/${binary.length}` }),
      });
      if (cut) response.write(binary.subarray(0, 500_000), () => response.socket?.end());
      else response.end(binary.subarray(start));
    });
    breakingOff.listen(0, "127.0.0.1");
    await once(breakingOff, "listening");
    const url = `http://127.0.0.1:${(breakingOff.address() as AddressInfo).port}/file`;
    const [node, ...args] = command(
      "branchcache",
      ...["get", url, "-o", target, "--no-peerdist", "--no-daemon", "--mode", "local", "--json"],
      ...["--cache-dir", join(scene.directory, "resumed-client")],
    );
    await expect(run(node, args)).rejects.toMatchObject({ code: 1 });
    cut = false;
    const { stdout } = await run(node, args);
    const report = JSON.parse(stdout) as { bytes: { local: number; origin: number } };
    expect(report.bytes.local).toBeGreaterThan(0);
    expect(report.bytes.local + report.bytes.origin).toBe(binary.length);
    expect((await readFile(target)).equals(binary)).toBe(true);
    expect(ranges.at(-1)).toBe(`bytes=${report.bytes.local}-${binary.length - 1}`);
    breakingOff.closeAllConnections();
    breakingOff.close();
  });

  function publish(...args: readonly string[]): [string, string[]] {
    const own = args.includes("--cache-dir") ? [] : ["--cache-dir", join(scene.directory, "other")];
    const [node, ...rest] = command("branchcache", "publish", ...args, ...own);
    return [node, rest];
  }
});
