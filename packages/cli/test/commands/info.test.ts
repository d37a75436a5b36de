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
import { diffContent, diffJson, diffText } from "../../src/commands/info/diff.ts";
import { contentJson, contentText } from "../../src/commands/info/format.ts";
import { verifyFile } from "../../src/commands/info/verify.ts";

const engine = nodeHashEngine;
const bytes = seededRandom(4).bytes(700_000);

function describeContent(
  content: Uint8Array,
  version: 1 | 2,
  range?: { startBytes: number; endBytes: number },
  passphrase = "server",
) {
  const { v1, v2 } = publishBytes(content, { engine });
  const publication = version === 1 ? v1 : v2;
  if (!publication) throw new Error("not published");
  const secret = ServerSecret.fromPassphrase(passphrase);
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
    const whole = describeContent(bytes, version);
    const goodBlocks = whole.segments.reduce((sum, segment) => sum + segment.blockHashes.length, 0);
    expect(await verify(bytes, version)).toEqual({ goodBlocks, partialLists: 0 });
  });

  it("T14 says where nothing but the server's word stands for block hashes", async () => {
    const range = { startBytes: 100_000, endBytes: 300_000 };
    expect(await verify(bytes, 1, range)).toEqual({ goodBlocks: 4, partialLists: 1 });
    expect(await verify(bytes, 2, range)).toMatchObject({ partialLists: 0 });
    expect((await verify(bytes, 2, range)).fault).toBeUndefined();
  });

  it.each([1, 2] as const)("names the first bad block of version %i", async (version) => {
    const changed = bytes.slice();
    changed[200_000] = (changed[200_000] ?? 0) ^ 1;
    changed[600_000] = (changed[600_000] ?? 0) ^ 1;
    const { fault, goodBlocks } = await verify(changed, version);
    const offset = Number(fault?.where["offset_bytes"]);
    const length = Number(fault?.where["length_bytes"]);
    expect(goodBlocks).toBeGreaterThan(0);
    expect(offset).toBeLessThanOrEqual(200_000);
    expect(offset + length).toBeGreaterThan(200_000);
    expect(fault?.message).toContain(`bytes ${offset} to ${offset + length - 1}`);
  });

  const lengths: readonly (readonly [string, Uint8Array, string])[] = [
    [
      "cut short",
      bytes.subarray(0, 200_000),
      "200000 bytes, 700000 described; the file ends in block 3 of segment 0, bytes 196608 to 262143",
    ],
    [
      "without its first byte",
      bytes.subarray(1),
      "699999 bytes, 700000 described; other bytes in block 0 of segment 0, bytes 0 to 65535",
    ],
    ["with a byte more", concatBytes(bytes, Uint8Array.of(1)), "700001 bytes, 700000 described"],
    [
      "empty",
      new Uint8Array(0),
      "0 bytes, 700000 described; the file ends in block 0 of segment 0, bytes 0 to 65535",
    ],
  ];
  it.each(lengths)(
    "says of a file %s what length it has and where it goes wrong",
    async (_, file, message) => {
      expect((await verify(file, 1)).fault?.message).toBe(message);
    },
  );

  it("PCCRC-21 names a segment whose block hashes are not those of its hash of data", async () => {
    const blob = writeContentInformation(
      publishBytes(bytes, { engine }).v1 ?? expect.unreachable(),
      ServerSecret.fromPassphrase("server"),
      engine,
    );
    blob[blob.length - 1] = (blob.at(-1) ?? 0) ^ 1;
    const path = join(directory, "file");
    await writeFile(path, bytes);
    const { fault } = await verifyFile(readContentInformation(blob, engine), path);
    expect(fault?.message).toBe("the block hashes of segment 0 contradict its hash of data");
  });

  it("says where a file ends that should hold a range", async () => {
    const range = { startBytes: 70_000, endBytes: 300_000 };
    const { fault } = await verify(bytes.subarray(0, 150_000), 1, range);
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
    const text = diffText(diff, false);
    expect(text).toMatch(/^first {3}\d+ of \d+ segments shared/);
    expect(text.split("\n").filter((line) => /^[-+] /.test(line))).toHaveLength(
      diff.first.own.length + diff.second.own.length,
    );
    expect(diffJson(diff)).toMatchObject({ first: { shared_bytes: diff.first.sharedBytes } });
  });

  it("names the shared segments, and where each of the two has them", () => {
    const doubled = concatBytes(bytes, bytes);
    const [one, two] = [describeContent(bytes, 2), describeContent(doubled, 2)];
    const diff = diffContent(one, two);
    expect(diff.shared.length).toBeGreaterThan(1);
    const lines = diffText(diff, true).split("\n");
    const [start] = one.segments;
    expect(lines).toContain(
      `= ${toHex(start?.id ?? expect.unreachable()).slice(0, 16)}...  ${start?.lengthBytes} bytes at 0`,
    );
    expect(lines.filter((line) => line.startsWith("= "))).toHaveLength(diff.first.sharedSegments);
    const moved = diffContent(
      describeContent(bytes, 2),
      describeContent(concatBytes(bytes.subarray(0, 200_000), bytes), 2),
    );
    expect(diffText(moved, true)).toMatch(/^= .* bytes at \d+, and at \d+$/m);
    for (const { segment, offsetInSecondBytes } of moved.shared) {
      const from = Math.abs(offsetInSecondBytes - segment.offsetBytes);
      expect([0, 200_000]).toContain(from);
    }
    expect(diffJson(moved)).toMatchObject({
      shared: moved.shared.map(({ segment, offsetInSecondBytes }) => ({
        id: toHex(segment.id),
        offset_in_first_bytes: segment.offsetBytes,
        offset_in_second_bytes: offsetInSecondBytes,
      })),
    });
  });

  it("lists some of the others, or all of them", () => {
    const many = seededRandom(5).bytes(1_500_000);
    const diff = diffContent(describeContent(bytes, 2), describeContent(many, 2));
    const added = (everySegment: boolean) =>
      diffText(diff, everySegment)
        .split("\n")
        .filter((line) => line.startsWith("+ "));
    expect(added(false)).toHaveLength(11);
    expect(added(false).at(-1)).toBe(`+ ... ${diff.second.own.length - 10} more (--segments lists all)`);
    expect(added(true)).toHaveLength(diff.second.own.length);
  });

  it("finds nothing in common between versions of Content Information, and says why", () => {
    const diff = diffContent(describeContent(bytes, 1), describeContent(bytes, 2));
    expect([diff.first.sharedSegments, diff.second.sharedSegments]).toEqual([0, 0]);
    expect(diffText(diff, false)).toContain(
      "version 1.0 with sha256 and version 2.0 with sha512-truncated share no segments, whatever the content",
    );
  });

  it("PCCRC-12 tells the same data under another secret from other data", () => {
    const diff = diffContent(describeContent(bytes, 2), describeContent(bytes, 2, undefined, "another"));
    const { sharedSegments, otherSecretSegments, segments } = diff.first;
    expect([sharedSegments, otherSecretSegments]).toEqual([0, segments]);
    expect(diffText(diff, false)).toContain(
      `${segments} segments with the same data under another server secret`,
    );
    const same = diffContent(describeContent(bytes, 2), describeContent(bytes, 2));
    expect([same.first.own, same.first.otherSecretSegments]).toEqual([[], 0]);
    expect(diffText(same, false).split("\n")).toHaveLength(2);
  });
});
