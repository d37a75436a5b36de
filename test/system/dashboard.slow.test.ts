/** The dashboard in a real browser, while downloads run. */

import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { freeUdpPort } from "@branchcache/cli/testing";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { requirement } from "../support/requires.ts";

const chromiumFound = requirement("chromium");
/** Where the pictures of the documentation lie; they are taken anew with `SCREENSHOTS=1`. */
const pictures = process.env["SCREENSHOTS"] ? join(import.meta.dirname, "../../docs/images") : undefined;

/** The page asks every two seconds. */
const SOON = { timeout: 30_000 };

describe.skipIf(!chromiumFound.ok)("the dashboard in a browser", () => {
  let server: TestDaemon;
  let node: TestDaemon;
  let other: TestDaemon;
  let browser: Browser;
  const complaints: string[] = [];

  beforeAll(async () => {
    const port = await freeUdpPort();
    const settings = {
      mode: "distributed",
      peer: { listen_address: "127.0.0.1", listen_port: 0, interfaces: ["127.0.0.1"] },
      discovery: { port, negative_ttl: "0s" },
    };
    server = await startDaemon({ settings: { mode: "local" } });
    const root = join(server.directory, "www");
    await mkdir(root);
    await writeFile(
      join(root, "image.wim"),
      new Uint8Array(4_000_000).map((_, i) => (i * 2_654_435_761) >>> 13),
    );
    await server.run("publish", join(root, "image.wim"), "--quiet");
    await server.run("config", "set", "content_server.root", root);
    await server.run("config", "set", "content_server.listen", "127.0.0.1:0");
    expect((await server.run("config", "set", "content_server.enabled", "true")).complaint).toBe("");
    [node, other] = await Promise.all([startDaemon({ settings }), startDaemon({ settings })]);
    browser = await chromium.launch({ executablePath: chromiumFound.path, args: ["--no-sandbox"] });
  }, 300_000);

  afterAll(async () => {
    await browser?.close();
    for (const daemon of [server, node, other]) await daemon?.[Symbol.asyncDispose]();
  });

  const openPage = async (url: string, options: Parameters<Browser["newPage"]>[0] = {}): Promise<Page> => {
    const page = await browser.newPage(options);
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
    return page;
  };
  const contentUrl = async () => {
    const { output } = await server.run("status", "content-server", "--json");
    return `${JSON.parse(output).url}image.wim?token=very-secret`;
  };
  const download = async (daemon: TestDaemon, name: string) => {
    const ended = await daemon.run("get", await contentUrl(), "-o", join(daemon.directory, name), "--quiet");
    expect(ended).toMatchObject({ code: 0, complaint: "" });
  };

  it("changes while downloads run, and says where bytes came from and why", async () => {
    const page = await openPage(node.url);
    const text = (id: string) => page.locator(`#${id}`).textContent();
    expect(await text("saved")).toContain("0 B");
    expect(await text("downloads")).toContain("Nothing was read");
    await download(other, "first");
    await download(node, "second");
    await expect.poll(() => text("saved"), SOON).toContain("3.8");
    expect(await text("downloads")).toMatch(/image\.wim[\s\S]*peers 3\.8/);
    expect(await text("peers")).toMatch(/127\.0\.0\.1:\d+/);
    expect(await page.content()).not.toContain("very-secret");
    await page.locator("#downloads summary").first().click();
    expect(await page.locator("#downloads pre").first().textContent()).toContain("Asked the branch");
    // What one reads stays open while figures change round it.
    await download(node, "third");
    await expect.poll(() => text("saved"), SOON).toContain("7.6");
    expect(await page.locator("#downloads details[open]").count()).toBe(1);
    await expect.poll(() => page.locator("#chart canvas").count(), SOON).toBe(1);
    expect(complaints).toEqual([]);
    expect(await text("hosted")).toContain("uses no hosted cache, and is none");
    if (pictures) {
      await page.locator("h1").click();
      await page.setViewportSize({ width: 1200, height: 900 });
      await page.screenshot({ path: join(pictures, "dashboard-light.png"), fullPage: true });
    }
    await page.close();
  }, 300_000);

  it("has no serious fault of accessibility, light or dark, wide or narrow", async () => {
    const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [1_200, 390, 320]) {
        const page = await openPage(node.url, {
          colorScheme,
          viewport: { width, height: 900 },
          bypassCSP: true,
        });
        await page.evaluate(axe);
        const found = await page.evaluate(async () => {
          const { axe: run } = globalThis as unknown as {
            axe: {
              run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>;
            };
          };
          return (await run.run()).violations.map(
            ({ id, impact, nodes }) => `${impact} ${id}: ${nodes[0]?.html}`,
          );
        });
        expect(found).toEqual([]);
        // Nothing to scroll sideways but what scrolls in itself, and of that no table of peers.
        expect(await page.evaluate(`document.documentElement.scrollWidth`)).toBeLessThanOrEqual(width);
        const sideways = `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector("#peers"))`;
        expect(await page.evaluate(sideways)).toBe(0);
        // Its columns are named beside each figure, or above them.
        const heads = await page
          .locator("#peers thead")
          .evaluate((head) => head.getBoundingClientRect().left);
        expect(heads < 0).toBe(width < 500);
        if (pictures && width !== 320) {
          const name = `dashboard-${colorScheme}-${width === 390 ? "phone" : "wide"}.png`;
          await page.screenshot({ path: join(pictures, name), fullPage: width === 390 });
        }
        await page.close();
      }
    }
    expect(complaints).toEqual([]);
  }, 300_000);

  it("has the essentials without scripts", async () => {
    const page = await openPage(node.url, { javaScriptEnabled: false });
    expect(await page.locator("#saved").textContent()).toContain("did not cross the WAN");
    expect(await page.locator("#downloads").textContent()).toContain("image.wim");
    expect(await page.locator("#warnings").textContent()).not.toBe("");
    await page.close();
  });

  it("can be walked through with the keyboard", async () => {
    const page = await openPage(node.url);
    await page.keyboard.press("Tab");
    expect(await page.evaluate(`document.activeElement?.textContent`)).toBe("To the figures");
    await page.keyboard.press("Enter");
    const seen = new Set<string>();
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press("Tab");
      seen.add(String(await page.evaluate(`document.activeElement?.tagName ?? ""`)));
    }
    expect([...seen]).toEqual(expect.arrayContaining(["SUMMARY", "A"]));
    await page.close();
  });

  it("is told by the page when the daemon is gone", async () => {
    const answers = await fetch(`${node.url}state.json`).then((answer) => answer.json());
    const stub: Server = createServer(async (request, response) => {
      if (request.url === "/state.json" && gone) response.writeHead(503).end();
      else if (request.url === "/state.json") response.end(JSON.stringify(answers));
      else {
        const answer = await fetch(new URL(request.url ?? "/", node.url));
        response.writeHead(answer.status, { "Content-Type": answer.headers.get("content-type") ?? "" });
        response.end(Buffer.from(await answer.arrayBuffer()));
      }
    });
    let gone = false;
    stub.listen(0, "127.0.0.1");
    await once(stub, "listening");
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(stub.address() as AddressInfo).port}/`);
    gone = true;
    await expect.poll(() => page.locator("#connection").textContent(), SOON).toContain("does not answer");
    await page.close();
    stub.closeAllConnections();
    stub.close();
  });
});
