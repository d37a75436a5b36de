/** Real clients, and the rounds that BITS makes, before `branchcache serve` and `branchcache gateway`. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { Agent, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  binary,
  type ContentScene,
  contentScene,
  MODIFIED,
  MODIFIED_SECONDS,
  rangeDescribed,
} from "../support/content-scene.ts";
import { curl, EX, headerArgs, isCoded, OFFER } from "../support/curl.ts";
import { requirement } from "../support/requires.ts";

const nginx = requirement("nginx");
const curlProgram = requirement("curl");
const wget = requirement("wget");
const run = promisify(execFile);

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe.skipIf(!nginx.ok || !curlProgram.ok)("clients of serve and gateway", () => {
  let scene: ContentScene;

  beforeAll(async () => {
    scene = await contentScene(nginx.path, ["data.bin", "bits.bin", "grown.bin"]);
  });

  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  });

  const get = (url: string, ...args: readonly string[]) => curl(curlProgram.path, url, ...args);

  it("PCCRTP-51 BITS: HEAD, If-Modified-Since, and ranges that are Content Information from the first", async () => {
    for (const [name, base] of scene.services) {
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
    for (const [name, base] of scene.services) {
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

  it("a boot script of 65 KB comes at once from serve too: complaint 6", async () => {
    for (let i = 0; i < 2; i++) {
      const script = await get(
        `${scene.serve.url}/boot.ipxe`,
        ...headerArgs([...OFFER.slice(0, 2), `X-P2P-PeerDistEx: ${EX}, HashRequest=true`]),
      );
      expect(script.body.equals(binary.subarray(0, 66_560))).toBe(true);
      expect(script.headers["x-p2p-peerdistex"]).toBeUndefined();
    }
  });

  it.skipIf(!wget.ok)("wget gets the file, and goes on with half of one", async () => {
    for (const [name, base] of scene.services) {
      const target = join(scene.directory, `wget-${name}`);
      await run(wget.path, ["-q", "-O", target, `${base}/data.bin`]);
      expect((await readFile(target)).equals(binary)).toBe(true);
      await truncate(target, 600_000);
      await run(wget.path, ["-q", "-c", "-O", target, `${base}/data.bin`]);
      expect((await readFile(target)).equals(binary)).toBe(true);
      // wget asks with If-Modified-Since.
      const again = join(scene.directory, name);
      await mkdir(again);
      await run(wget.path, ["-q", "-N", "-P", again, `${base}/data.bin`]);
      const { mtimeMs } = await stat(join(again, "data.bin"));
      const { stderr } = await run(wget.path, ["-N", "-P", again, `${base}/data.bin`]);
      expect(stderr).toMatch(/304 Not Modified|not modified/);
      expect(mtimeMs).toBe(MODIFIED_SECONDS * 1_000);
    }
  });

  it("fetch sees what it always sees, while others get Content Information", async () => {
    for (const [name, base] of scene.services) {
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

  it("an origin that sends slowly: bytes pass as they come, are hashed, and then are Content Information", async () => {
    const answer = await fetch(`${scene.gateway.url}/slow/data.bin`, {
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
    await scene.gateway.whenHashed("/slow/data.bin");
    expect(isCoded(await get(`${scene.gateway.url}/slow/data.bin`, ...headerArgs(OFFER)))).toBe(true);
  });

  it("a file that grows while it is downloaded and hashed: never hashes of half of it", async () => {
    const path = join(scene.root, "grown.bin");
    const longer = Buffer.concat([binary, binary]);
    for (const [name, base] of scene.services) {
      await writeFile(path, binary);
      // Where it grows in the middle of the answer, the answer breaks off.
      const first = get(`${base}/grown.bin`, ...headerArgs(OFFER)).catch(() => {});
      await writeFile(path, longer);
      await first;
      await utimes(path, MODIFIED_SECONDS + 5, MODIFIED_SECONDS + 5);
      const ask = headerArgs([...OFFER.slice(0, 2), `X-P2P-PeerDistEx: ${EX}, HashRequest=true`]);
      const { headers, body } = await get(`${base}/grown.bin`, ...ask);
      expect(headers["x-p2p-peerdist"], name).toBe(`Version=1.1, ContentLength=${longer.length}`);
      expect(rangeDescribed(body, longer)).toEqual({ startBytes: 0, endBytes: longer.length });
    }
  });
});
