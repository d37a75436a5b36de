/** `branchcache get` as it is typed: many URLs, digests, what broke off, and why. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../support/commands.mjs";
import { type ContentServer, contentServer } from "../support/content-server.ts";
import { type Ended, runCommand } from "../support/run-command.ts";

const content = seededRandom(31).bytes(1_500_000);
const sha256 = createHash("sha256").update(content).digest("hex");

describe("branchcache get", () => {
  let origin: ContentServer;
  let directory: string;
  const at = (name: string) => join(directory, name);
  const get = (...args: readonly string[]): Promise<Ended> =>
    runCommand(
      command(
        "branchcache",
        ...["get", "--no-daemon", "--mode", "local", "--cache-dir", at("cache"), "--log-level", "error"],
        ...args,
      ),
    );
  const hidden = async () => (await readdir(directory)).filter((name) => name.startsWith("."));

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-get-"));
    origin = await contentServer();
    await origin.put(content);
    expect(await get(origin.url, "-o", at("first"), "--quiet")).toMatchObject({ code: 0, complaint: "" });
  });
  afterAll(async () => {
    await origin[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  it("goes on with the others when one of several fails, and says which, with exit code 1", async () => {
    await writeFile(at("urls"), `${origin.url}\n${new URL("absent.bin", origin.url)}?key=secret-word\n`);
    const ended = await get("--input", at("urls"), "--directory", directory, "--json", "--quiet");
    expect(ended.code).toBe(1);
    const [good, bad] = ended.output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(good).toMatchObject({ file: at("content.bin"), bytes: { local: content.length, origin: 0 } });
    expect(bad).toMatchObject({ file: at("absent.bin"), error: { code: "BC_ORIGIN_STATUS" } });
    expect(ended.complaint).toContain("BC_ORIGIN_STATUS");
    expect(ended.complaint).toContain("1 of 2 downloads failed (BC_GET_FAILED)");
    expect(ended.complaint).not.toContain("secret-word");
    expect(Buffer.compare(await readFile(at("content.bin")), content)).toBe(0);
    await rm(at("content.bin"));
  });

  it("holds the file to its digest, and keeps none that has another", async () => {
    expect(await get(origin.url, "-o", at("right"), "--quiet", "--sha256", sha256)).toMatchObject({
      code: 0,
    });
    const wrong = await get(origin.url, "-o", at("wrong"), "--quiet", "--sha256", "0".repeat(64));
    expect(wrong.code).toBe(1);
    expect(wrong.complaint).toContain(`has the SHA-256 ${sha256}, and not ${"0".repeat(64)} (BC_SHA256)`);
    expect(await readdir(directory)).not.toContain("wrong");
    expect(await hidden()).toEqual([]);
    await writeFile(at("SUMS"), `${sha256}  content.bin\n`);
    const summed = await get(origin.url, "--directory", directory, "--quiet", "--sha256-sums", at("SUMS"));
    expect(summed).toMatchObject({ code: 0, complaint: "" });
    const piped = await get(origin.url, "-o", "-", "--quiet", "--sha256", "0".repeat(64));
    expect(piped).toMatchObject({ code: 1, complaint: expect.stringContaining("BC_SHA256") });
    expect((await get(origin.url, "-o", "-", "--quiet", "--sha256", sha256)).code).toBe(0);
    expect((await get(origin.url, "--sha256", "abc")).code).toBe(2);
  });

  it("says which file it cannot write, and why", async () => {
    const target = at("absent/file");
    const ended = await get(origin.url, "-o", target, "--quiet");
    expect(ended.code).toBe(1);
    expect(ended.complaint).toContain(`cannot write ${target}: its directory is not there`);
  });

  it("opens no cache of its own for a file under the minimum size", async () => {
    await using small = await contentServer();
    await small.put(content.subarray(0, 65_000));
    for (let i = 0; i < 2; i++) {
      const ended = await get(small.url, "-o", at("small"), "--quiet", "--cache-dir", at("unused"));
      expect(ended).toMatchObject({ code: 0, complaint: "" });
    }
    expect(Buffer.compare(await readFile(at("small")), content.subarray(0, 65_000))).toBe(0);
    expect(await readdir(directory)).not.toContain("unused");
  });

  it("goes on with what broke off", async () => {
    let cut = true;
    origin.intercept((_request, response) => {
      if (!cut) return false;
      cut = false;
      // Plain, and half of it.
      response.writeHead(200, { ETag: '"one"', "Content-Length": content.length });
      response.write(content.subarray(0, 700_000), () => response.destroy());
      return true;
    });
    const target = at("resumed");
    const broken = await get(origin.url, "-o", target, "--quiet", "--no-peerdist");
    expect(broken).toMatchObject({ code: 1, complaint: expect.stringContaining("BC_ORIGIN_CLOSED") });
    expect(await hidden()).toEqual([".resumed.part", ".resumed.part.json"]);
    const asked: string[] = [];
    origin.intercept((request, response) => {
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      asked.push(request.headers.range ?? "all");
      response.writeHead(from > 0 ? 206 : 200, {
        ETag: '"one"',
        "Content-Length": content.length - from,
        ...(from > 0 ? { "Content-Range": `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
      });
      response.end(content.subarray(from));
      return true;
    });
    const resumed = await get(origin.url, "-o", target, "--quiet", "--no-peerdist", "--json");
    expect(resumed).toMatchObject({ code: 0, complaint: "" });
    const { bytes } = JSON.parse(resumed.output);
    expect(bytes.local).toBeGreaterThan(0);
    expect(bytes.local + bytes.origin).toBe(content.length);
    expect(asked.at(-1)).toBe(`bytes=${bytes.local}-${content.length - 1}`);
    expect(Buffer.compare(await readFile(target), content)).toBe(0);
    expect(await hidden()).toEqual([]);
    origin.intercept(undefined);
  });

  it("says who was asked, and what came from where", async () => {
    const ended = await get(origin.url, "-o", at("explained"), "--explain");
    expect(ended.code).toBe(0);
    expect(ended.complaint).toContain("Everything was in the own cache: nobody was asked.");
    expect(ended.complaint).toMatch(/explained: 1\.43 MiB in .*, 100\.0 % from the branch: cache 1\.43 MiB/);
    // Nothing on standard output that a script did not ask for.
    expect(ended.output).toBe("");
  });
});
