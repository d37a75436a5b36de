import { execFileSync } from "node:child_process";
import {
  chmod,
  mkdir,
  readdir,
  readlink,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { equalBytes } from "@branchcache/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readPath } from "../../../src/node/directory/resolve-file.ts";
import { directoryHandler, type ServedFile } from "../../../src/node.ts";
import { exampleContent, exchangeRaw, listen, requestText, type TestServer } from "../http-fixture.ts";
import { type TemporaryRoot, temporaryRoot } from "../temporary-root.ts";

const content = exampleContent(1_000);

describe("readPath", () => {
  it.each<[string, string[] | number]>([
    ["/a", ["a"]],
    ["/a/b%20c?query#x", ["a", "b c"]],
    ["/%C3%A9", ["é"]],
    ["http://host:80/a?b", ["a"]],
    ["HTTPS://host/a", ["a"]],
    ["/a..b", ["a..b"]],
    ["/%252e%252e/x", ["%2e%2e", "x"]],
    ["", 400],
    ["*", 400],
    ["a", 400],
    ["http://host", 400],
    ["ftp://host/a", 400],
    ["/%", 400],
    ["/%zz", 400],
    ["/%ff", 400],
    ["/a%00b", 400],
    ["/", 404],
    ["/a/", 404],
    ["//a", 404],
    ["/a//b", 404],
    ["/..", 404],
    ["/../a", 404],
    ["/a/../b", 404],
    ["/%2e%2e/a", 404],
    ["/%2E%2e%2fa", 404],
    ["/..%2fa", 404],
    ["/a%2fb", 404],
    ["/.", 404],
    ["/.hidden", 404],
    ["/%2ehidden", 404],
    ["/a/.git/config", 404],
    ["/...", 404],
  ])("reads %j", (target, expected) => {
    const reading = readPath(target);
    expect(reading.kind === "path" ? reading.segments : reading.status).toEqual(expected);
  });
});

describe("a directory", () => {
  let outside: TemporaryRoot;
  let root: TemporaryRoot;
  let server: TestServer;
  let files: ServedFile[];

  beforeEach(async () => {
    outside = await temporaryRoot();
    root = await temporaryRoot();
    files = [];
    await outside.write("secret", "not for you");
    await root.write("data.bin", content);
    server = await listen(
      directoryHandler({ root: root.path, onFile: (_response, file) => files.push(file) }),
    );
  });

  afterEach(async () => {
    await server.close();
    await root.remove();
    await outside.remove();
  });

  const get = (target: string, headers: Record<string, string> = {}, method = "GET") =>
    exchangeRaw(server.port, requestText(target, headers, method));

  it("sends files with their validators", async () => {
    const answer = await get("/data.bin");
    expect(answer.status).toBe(200);
    expect(equalBytes(answer.body, content)).toBe(true);
    expect(answer.headers).toMatchObject({
      "content-type": "application/octet-stream",
      "accept-ranges": "bytes",
      "last-modified": "Mon, 12 Jan 1970 13:46:40 GMT",
    });
    expect(answer.headers["etag"]).toMatch(/^"[0-9a-f]+-[0-9a-f]+-[0-9a-f]+"$/);
    expect(files).toEqual([
      { path: join(root.path, "data.bin"), etag: answer.headers["etag"], sizeBytes: content.length },
    ]);
  });

  it("sends an empty file and HEAD", async () => {
    await root.write("empty", "");
    expect(await get("/empty")).toMatchObject({ status: 200, body: new Uint8Array(0) });
    const head = await get("/data.bin", {}, "HEAD");
    expect(head).toMatchObject({ status: 200, headers: { "content-length": "1000" } });
  });

  it.each<[string, number, string | undefined, number]>([
    ["bytes=0-99", 206, "bytes 0-99/1000", 100],
    ["bytes=990-", 206, "bytes 990-999/1000", 10],
    ["bytes=-5", 206, "bytes 995-999/1000", 5],
    ["bytes=990-5000", 206, "bytes 990-999/1000", 10],
    ["bytes=1000-", 416, "bytes */1000", 22],
    ["bytes=junk", 200, undefined, 1_000],
    ["bytes=0-1,10-11", 200, undefined, 1_000],
  ])("PCCRTP-38 Range %s", async (range, status, contentRange, lengthBytes) => {
    const answer = await get("/data.bin", { Range: range });
    expect(answer.status).toBe(status);
    expect(answer.headers["content-range"]).toBe(contentRange);
    expect(answer.headers["content-length"]).toBe(String(lengthBytes));
  });

  it("PCCRTP-38 conditional requests", async () => {
    const etag = (await get("/data.bin")).headers["etag"] ?? "";
    const modified = "Mon, 12 Jan 1970 13:46:40 GMT";
    expect((await get("/data.bin", { "If-None-Match": etag })).status).toBe(304);
    expect((await get("/data.bin", { "If-Modified-Since": modified })).status).toBe(304);
    expect((await get("/data.bin", { "If-None-Match": '"other"' })).status).toBe(200);
    expect((await get("/data.bin", { "If-Match": '"other"' })).status).toBe(412);
    expect((await get("/data.bin", { Range: "bytes=0-1", "If-Range": etag })).status).toBe(206);
    expect((await get("/data.bin", { Range: "bytes=0-1", "If-Range": '"other"' })).status).toBe(200);
  });

  it("gives a file that changed within its second another ETag", async () => {
    const file = join(root.path, "data.bin");
    await utimes(file, 1_000_000.1, 1_000_000.1);
    const first = await get("/data.bin");
    await utimes(file, 1_000_000.2, 1_000_000.2);
    const second = await get("/data.bin");
    expect(second.headers["last-modified"]).toBe(first.headers["last-modified"]);
    expect(second.headers["etag"]).not.toBe(first.headers["etag"]);
  });

  it.each([
    ["/nothing", 404],
    ["/data.bin/x", 404],
    ["/sub", 404],
    ["/sub/", 404],
    ["/.hidden", 404],
    ["/sub/.hidden", 404],
    ["/%2ehidden", 404],
    ["/../secret", 404],
    ["/%2e%2e/secret", 404],
    ["/..%2fsecret", 404],
    ["/sub/../data.bin", 404],
    ["/data.bin%00", 400],
    ["/%", 400],
    [`/${"x".repeat(300)}`, 404],
  ])("refuses %s with %i", async (target, status) => {
    await mkdir(join(root.path, "sub"));
    await root.write(".hidden", "x");
    await root.write("sub/.hidden", "x");
    const answer = await get(target);
    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(answer.headers["etag"]).toBeUndefined();
  });

  it("refuses other methods", async () => {
    expect(await get("/data.bin", {}, "DELETE")).toMatchObject({
      status: 405,
      headers: { allow: "GET, HEAD" },
    });
  });

  it("follows links within the root, and none that leave it or lead to dotfiles", async () => {
    await mkdir(join(root.path, ".git"));
    await root.write(".git/config", "x");
    await symlink("data.bin", join(root.path, "inside"));
    await symlink(join(outside.path, "secret"), join(root.path, "leaves"));
    await symlink(outside.path, join(root.path, "leaves-by-directory"));
    await symlink(`${root.path}-sibling`, join(root.path, "dangling"));
    await symlink("loop", join(root.path, "loop"));
    await symlink(".git", join(root.path, "visible"));
    await symlink(".", join(root.path, "self"));
    const statuses = await Promise.all(
      [
        "/inside",
        "/self/self/data.bin",
        "/leaves",
        "/leaves-by-directory/secret",
        "/dangling",
        "/loop",
        "/visible/config",
        "/self",
      ].map(async (target) => (await get(target)).status),
    );
    expect(statuses).toEqual([200, 200, 404, 404, 404, 404, 404, 404]);
    expect(files[0]?.path).toBe(join(root.path, "data.bin"));
  });

  it("looks again at every request: a file may become a link", async () => {
    expect((await get("/data.bin")).status).toBe(200);
    await unlink(join(root.path, "data.bin"));
    await symlink(join(outside.path, "secret"), join(root.path, "data.bin"));
    expect((await get("/data.bin")).status).toBe(404);
  });

  it("may have a root that is a link itself", async () => {
    const link = join(outside.path, "root");
    await symlink(root.path, link);
    const linked = await listen(directoryHandler({ root: link }));
    const answer = await exchangeRaw(linked.port, requestText("/data.bin", {}));
    await linked.close();
    expect(answer.status).toBe(200);
  });

  it.runIf(process.platform !== "win32")("does not open what is no file", async () => {
    execFileSync("mkfifo", [join(root.path, "fifo")]);
    expect((await get("/fifo")).status).toBe(404);
  });

  // Root may read everything.
  if (process.getuid?.() !== 0) {
    it("says 403 where the system does", async () => {
      await chmod(join(root.path, "data.bin"), 0o000);
      expect((await get("/data.bin")).status).toBe(403);
    });
  }

  it("cuts the connection when the file is cut short meanwhile", async () => {
    const file = join(root.path, "large");
    await writeFile(file, "");
    await truncate(file, 50_000_000);
    const cut = await listen(
      directoryHandler({
        root: root.path,
        // After the size was taken, before the first byte is read.
        onFile: () => void execFileSync("truncate", ["-s", "1000", file]),
      }),
    );
    const answer = await exchangeRaw(cut.port, requestText("/large", {}));
    await cut.close();
    expect(answer.headers["content-length"]).toBe("50000000");
    expect(answer.body.length).toBe(1_000);
  });

  it.runIf(process.platform === "linux")("closes every file it opened", async () => {
    const openFiles = async () => {
      const links = (await readdir("/proc/self/fd")).map((fd) =>
        readlink(`/proc/self/fd/${fd}`).catch(() => ""),
      );
      return (await Promise.all(links)).filter((target) => target.startsWith(root.path)).length;
    };
    const etag = (await get("/data.bin")).headers["etag"] ?? "";
    await get("/data.bin", { "If-None-Match": etag });
    await get("/data.bin", { Range: "bytes=5000-" });
    await get("/data.bin", { Range: "bytes=5-50" });
    await get("/data.bin", {}, "HEAD");
    await server.close();
    for (let round = 0; round < 1_000 && (await openFiles()) > 0; round++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(await openFiles()).toBe(0);
  });
});
