/** The main entry in a browser: built files and an import map, no bundler, nothing of Node. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requirement } from "../../../test/support/requires.ts";
import { workedExamples } from "./support.ts";

const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));
const roots: Readonly<Record<string, string>> = {
  "content-info": join(packageRoot, "dist"),
  runtime: join(packageRoot, "node_modules/@branchcache/runtime/dist"),
  noble: join(packageRoot, "node_modules/@noble/hashes"),
};
const chromium = requirement("chromium");

const PAGE = `<!doctype html><pre id="out">nothing ran</pre>
<script type="importmap">{"imports": {
  "@branchcache/content-info": "/content-info/index.js",
  "@branchcache/runtime": "/runtime/index.js",
  "@noble/hashes/": "/noble/"
}}</script>
<script type="module">
import * as ci from "@branchcache/content-info";
import { toHex } from "@branchcache/runtime";
const engine = ci.nobleHashEngine;
const secret = ci.ServerSecret.fromBytes(new TextEncoder().encode("branchcache test secret"));
const content = Uint8Array.from({ length: 65537 }, (_, i) => (i * 31 + 7) % 251);
const { v1, v2 } = ci.publishBytes(content, { engine });
const blob = ci.writeContentInformation(v1, secret, engine);
const read = ci.readContentInformation(ci.writeContentInformation(v2, secret, engine), engine);
document.getElementById("out").textContent = JSON.stringify({
  v1: toHex(blob),
  id: toHex(ci.readContentInformation(blob, engine).segments[0].id),
  range: read.range,
  verified: ci.verifyBlock(read.segments[0], 0, content.subarray(0, read.segments[0].lengthBytes), engine),
  node: typeof globalThis.process,
});
</script>`;

describe.skipIf(!chromium.ok)("in headless Chromium", () => {
  let server: Server;
  let profile = "";
  beforeAll(async () => {
    profile = await mkdtemp(join(tmpdir(), "content-info-browser-"));
    server = createServer((request, response) => {
      const [, root = "", ...rest] = normalize(request.url ?? "/").split("/");
      const folder = roots[root];
      if (folder === undefined) {
        response.setHeader("content-type", "text/html").end(PAGE);
        return;
      }
      const file = join(folder, ...rest);
      readFile(file).then(
        (bytes) =>
          response
            .setHeader("content-type", extname(file) === ".js" ? "text/javascript" : "text/plain")
            .end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    server.close();
    await rm(profile, { recursive: true, force: true });
  });

  it("publishes, writes, reads and verifies as in Node", async () => {
    const { port } = server.address() as AddressInfo;
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`, "--dump-dom"];
    const { stdout } = await promisify(execFile)(chromium.path, [...flags, `http://127.0.0.1:${port}/`]);
    const out = /<pre id="out">(.*?)<\/pre>/s.exec(stdout)?.[1] ?? "";
    const example = workedExamples.v1.find(({ sizeBytes }) => sizeBytes === 65_537)!;
    expect(JSON.parse(out)).toEqual({
      v1: "bytes" in example ? example.bytes : "",
      id: example.segments[0]!.id,
      range: { startBytes: 0, endBytes: 65_537 },
      verified: true,
      node: "undefined",
    });
  }, 60_000);
});
