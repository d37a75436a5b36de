/** Files hashed in parts at once: wherever the parts' cuts meet, late or never, the joined ones are right. */
import { createCipheriv } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePublication, publishBytes } from "@branchcache/content-info";
import { createHashingPool, nodeHashEngine as engine } from "@branchcache/content-info/node";
import { concatBytes } from "@branchcache/runtime";
import { afterAll, beforeAll, expect, it } from "vitest";
import { exampleContent } from "./support.ts";

const MIB = 1 << 20;
const pool = createHashingPool({ workers: 2 });
let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "content-info-parts-"));
});
afterAll(async () => {
  await pool.close();
  await rm(directory, { recursive: true });
});

/** The same bytes for the same seed, faster than a generator in JavaScript. */
function noise(seed: number, lengthBytes: number): Uint8Array {
  const cipher = createCipheriv("aes-128-ctr", new Uint8Array(16).fill(seed), new Uint8Array(16));
  return new Uint8Array(cipher.update(new Uint8Array(lengthBytes)));
}

const zeros = (lengthBytes: number) => new Uint8Array(lengthBytes);

// Parts of these have 4 MiB.
const contents: readonly (readonly [string, Uint8Array])[] = [
  ["cuts meet soon", noise(1, 24 * MIB + 5)],
  ["all parts alike", zeros(20 * MIB)],
  ["never meet to the end", concatBytes(noise(2, MIB + 77), zeros(20 * MIB + 1))],
  ["do not meet for some parts", concatBytes(noise(3, 3 * MIB), zeros(9 * MIB + 5), noise(4, 8 * MIB))],
  [
    "do not meet, again and again",
    concatBytes(noise(5, MIB), exampleContent(7 * MIB + 9), noise(6, MIB), zeros(9 * MIB)),
  ],
  [
    "meet after the next part's border",
    concatBytes(noise(7, 3 * MIB + 1), zeros(3 * MIB), noise(8, 11 * MIB)),
  ],
  ["a last part of one byte", noise(9, 16 * MIB + 1)],
  ["a last part of one block", concatBytes(noise(10, MIB), zeros(15 * MIB + 65_536))],
];

it.each(contents)("%s", async (name, content) => {
  const path = join(directory, name.replaceAll(/\W/g, "-"));
  await writeFile(path, content);
  const expected = publishBytes(content, { engine });
  const { v1, v2 } = await pool.publishFile(path);
  expect(Buffer.compare(encodePublication(v2!), encodePublication(expected.v2!))).toBe(0);
  expect(Buffer.compare(encodePublication(v1!), encodePublication(expected.v1!))).toBe(0);
});
