import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  publishBytes,
  readContentInformation,
  ServerSecret,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { concatBytes, toHex } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { diffContent, diffJson, diffText } from "../src/info/diff.ts";
import { contentJson, contentText } from "../src/info/format.ts";
import { verifyFile } from "../src/info/verify.ts";

const engine = nodeHashEngine;
const bytes = seededRandom(4).bytes(700_000);

function describeContent(
  content: Uint8Array,
  version: 1 | 2,
  range?: { startBytes: number; endBytes: number },
) {
  const { v1, v2 } = publishBytes(content, { engine });
  const publication = version === 1 ? v1 : v2;
  if (!publication) throw new Error("not published");
  const secret = ServerSecret.fromPassphrase("server");
  return readContentInformation(writeContentInformation(publication, secret, engine, range), engine);
}

describe("info as text and JSON", () => {
  const content = describeContent(bytes, 2);
  const secrets = content.segments.map((segment) => toHex(segment.secret));

  it("says version, algorithm, range, segments and identifiers, short or long", () => {
    const short = contentText(content, 1_234, { everySegment: false, secrets: false });
    expect(short).toContain("version 2.0, sha512-truncated, 1.21 KiB");
    expect(short).toContain("bytes 0 to 699999, 684 KiB");
    const [first] = content.segments;
    if (!first) throw new Error("no segment");
    expect(short).toContain(`${toHex(first.id).slice(0, 16)}...`);
    expect(short).not.toContain(toHex(first.id));
    expect(contentText(content, 1, { everySegment: true, secrets: false })).toContain(toHex(first.id));
  });

  it("PCCRC-49 shows secrets only when asked for", () => {
    for (const everySegment of [false, true]) {
      const shown = { everySegment, secrets: false };
      const text = contentText(content, 1, shown) + JSON.stringify(contentJson(content, 1, shown));
      for (const secret of secrets) expect(text).not.toContain(secret);
    }
    const shown = { everySegment: true, secrets: true };
    for (const secret of secrets) {
      expect(contentText(content, 1, shown)).toContain(secret);
      expect(JSON.stringify(contentJson(content, 1, shown))).toContain(secret);
    }
  });

  it("counts the blocks that a range lists", () => {
    const part = describeContent(bytes, 1, { startBytes: 70_000, endBytes: 200_000 });
    expect(contentText(part, 1, { everySegment: false, secrets: false })).toContain(" 3/11  ");
  });
});

describe("info --verify", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "branchcache-info-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const verify = async (
    content: Uint8Array,
    version: 1 | 2,
    range?: { startBytes: number; endBytes: number },
  ) => {
    const path = join(directory, "file");
    await writeFile(path, content);
    return verifyFile(describeContent(bytes, version, range), path);
  };

  it.each([1, 2] as const)("finds nothing wrong with the content of version %i", async (version) => {
    expect(await verify(bytes, version)).toBeUndefined();
    expect(await verify(bytes, version, { startBytes: 100_000, endBytes: 300_000 })).toBeUndefined();
  });

  it.each([1, 2] as const)("names the first bad block of version %i", async (version) => {
    const changed = bytes.slice();
    changed[200_000] = (changed[200_000] ?? 0) ^ 1;
    changed[600_000] = (changed[600_000] ?? 0) ^ 1;
    const fault = await verify(changed, version);
    const { offset_bytes: offset = 0, length_bytes: length = 0 } = fault?.where ?? {};
    expect(offset).toBeLessThanOrEqual(200_000);
    expect(offset + length).toBeGreaterThan(200_000);
    expect(fault?.message).toContain(`bytes ${offset} to ${offset + length - 1}`);
  });

  it("says that a file has another length", async () => {
    expect(await verify(bytes.subarray(1), 1)).toMatchObject({ message: "699999 bytes, 700000 described" });
  });

  it("says where a file ends that should hold a range", async () => {
    const fault = await verify(bytes.subarray(0, 150_000), 1, { startBytes: 70_000, endBytes: 300_000 });
    expect(fault?.message).toBe("the file ends in block 2 of segment 0, bytes 131072 to 196607");
  });
});

describe("info --diff", () => {
  it("says which segments two versions of a content share", () => {
    const next = concatBytes(bytes.subarray(0, 300_000), Uint8Array.of(1, 2, 3), bytes.subarray(300_000));
    const diff = diffContent(describeContent(bytes, 2), describeContent(next, 2));
    expect(diff.first.sharedBytes).toBe(diff.second.sharedBytes);
    expect(diff.first.own.length).toBeGreaterThan(0);
    expect(diff.first.sharedSegments).toBeGreaterThan(diff.first.own.length);
    const text = diffText(diff);
    expect(text).toMatch(/^first {3}\d+ of \d+ segments shared/);
    expect(text.split("\n").filter((line) => /^[-+] /.test(line))).toHaveLength(
      diff.first.own.length + diff.second.own.length,
    );
    expect(diffJson(diff)).toMatchObject({ first: { shared_bytes: diff.first.sharedBytes } });
  });

  it("finds nothing in common between versions of Content Information", () => {
    const diff = diffContent(describeContent(bytes, 1), describeContent(bytes, 2));
    expect([diff.first.sharedSegments, diff.second.sharedSegments]).toEqual([0, 0]);
  });
});
