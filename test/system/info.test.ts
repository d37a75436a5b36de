/** `branchcache info`, as typed: what it prints, on which stream, and how it ends. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publishBytes, ServerSecret, segmentsOf, writeContentInformation } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { toHex } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../support/commands.mjs";
import { runCommand } from "../support/run-command.ts";

const content = seededRandom(61).bytes(400_000);
const secret = ServerSecret.fromPassphrase("of this server");
const { v1 } = publishBytes(content, { engine, versions: [1] });
if (!v1) throw new Error("not published");
const blob = writeContentInformation(v1, secret, engine);
const segment = segmentsOf(v1, secret, engine)[0] ?? expect.unreachable();

let directory = "";
const inDirectory = (name: string) => join(directory, name);
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "branchcache-info-"));
  const damaged = content.slice();
  damaged.fill(0, 140_000, 140_010);
  await writeFile(inDirectory("good.ci"), blob);
  await writeFile(inDirectory("short.ci"), blob.subarray(0, 150));
  await writeFile(inDirectory("content"), content);
  await writeFile(inDirectory("damaged"), damaged);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const info = (args: readonly string[], input: Uint8Array = new Uint8Array(0)) =>
  runCommand(command("branchcache", "info", ...args), { cwd: directory, input });

describe("branchcache info", () => {
  it("PCCRC-48 PCCRC-49: reads from a file and from standard input, and keeps the secret to itself", async () => {
    const [file, piped] = await Promise.all([info(["good.ci", "--json"]), info(["-", "--json"], blob)]);
    expect([file.code, file.complaint]).toEqual([0, ""]);
    expect(piped).toEqual(file);
    expect(JSON.parse(file.output)).toMatchObject({
      version: 1,
      algorithm: "sha256",
      range: { start_bytes: 0, end_bytes: 400_000 },
      segments: [{ id: toHex(segment.id), length_bytes: 400_000, blocks: 7, listed_blocks: 7 }],
    });
    expect(file.output).not.toContain(toHex(segment.secret));
    expect((await info(["good.ci", "--show-secrets"])).output).toContain(toHex(segment.secret));
  });

  it("--verify ends with 0 for the content, with 1 and the first bad block for anything else", async () => {
    const [good, bad] = await Promise.all([
      info(["good.ci", "--verify", "content"]),
      info(["good.ci", "--verify", "damaged", "--json"]),
    ]);
    expect(good).toEqual({
      output: "content: 391 KiB verified (7 blocks, 1 segment)\n",
      complaint: "",
      code: 0,
    });
    expect(bad.code).toBe(1);
    expect(bad.complaint).toBe(
      "branchcache: damaged: other bytes in block 2 of segment 0, bytes 131072 to 196607 (BC_CONTENT_MISMATCH)\n",
    );
    expect(JSON.parse(bad.output)).toMatchObject({ verified: false, good_blocks: 2, segment: 0, block: 2 });
  });

  it("PCCRC-55: what is no Content Information is named, with field and offset", async () => {
    const [short, other, twice] = await Promise.all([
      info(["short.ci"]),
      info(["content"]),
      info(["--diff", "-", "-"], blob),
    ]);
    expect([short.code, short.complaint]).toEqual([
      1,
      expect.stringMatching(
        /^branchcache: short\.ci is no Content Information: ContentInformation\.blocks\[0\]\.hashes at byte 102: .* \(BC_DECODE_TRUNCATED\)\n$/,
      ),
    ]);
    expect([other.code, other.complaint]).toEqual([
      1,
      expect.stringContaining("content is no Content Information"),
    ]);
    expect(twice.code).toBe(2);
  });
});
