/** The main entry in a browser: built files and an import map, no bundler, nothing of Node. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requirement } from "../../../test/support/requires.ts";
import { goThrough } from "./anywhere.js";
import { fileAt, importMap } from "./built-files.ts";

const chromium = requirement("chromium");

const PAGE = `<!doctype html><pre id="out">nothing ran</pre>
<script type="importmap">${JSON.stringify({ imports: importMap })}</script>
<script type="module">
import { nobleHashEngine } from "@branchcache/content-info";
import { goThrough } from "go-through";
document.getElementById("out").textContent = JSON.stringify({
  result: goThrough(nobleHashEngine),
  node: typeof globalThis.process,
});
</script>`;

describe.skipIf(!chromium.ok)("in headless Chromium", () => {
  let server: Server;
  let profile = "";
  beforeAll(async () => {
    profile = await mkdtemp(join(tmpdir(), "content-info-browser-"));
    server = createServer((request, response) => {
      const file = fileAt(request.url ?? "/");
      if (file === undefined) {
        response.setHeader("content-type", "text/html; charset=utf-8").end(PAGE);
        return;
      }
      readFile(file).then(
        (bytes) => response.setHeader("content-type", "text/javascript").end(bytes),
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
    expect(JSON.parse(out)).toEqual({ result: goThrough(nodeHashEngine), node: "undefined" });
  });
});
