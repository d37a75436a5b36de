/** The vectors under `protocol-specs`: both decoders read the same out of them, and we write the same bytes. */
import { createDecipheriv, createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { nobleHashEngine, readContentInformation } from "@branchcache/content-info";
import { importServerSecret, nodeHashEngine } from "@branchcache/content-info/node";
import {
  block,
  blockList,
  decodeSegmentAges,
  encodeMessage,
  getBlockList,
  getBlocks,
  getSegmentList,
  type MessageKind,
  negoRequest,
  negoResponse,
  parseRequest,
  parseResponse,
  segmentList,
} from "@branchcache/retrieval";
import { nodeBlockCipher } from "@branchcache/retrieval/node";
import { fromHex, toHex } from "@branchcache/runtime";
import { describe, expect, it } from "vitest";
import { essenceOfFields, essenceOfOurs, messageFields } from "./fields.ts";
import { type Fields, readByDefinition, specsFolder } from "./kaitai.ts";

interface Vector {
  readonly name: string;
  readonly origin: "windows" | "ipxe" | "published" | "ours";
  readonly hex: string;
  readonly fields: Fields;
  readonly segmentIds?: readonly string[];
  readonly segmentCount?: number;
}
interface VectorFile {
  readonly structure: string;
  readonly definition?: string;
  readonly section: string;
  readonly made: string;
  readonly vectors: readonly Vector[];
}

const hex = (text: string): Uint8Array => {
  const bytes = fromHex(text);
  if (bytes === undefined) throw new Error(`no hexadecimal digits: ${text.slice(0, 40)}`);
  return bytes;
};
const load = <T = VectorFile>(document: string, structure: string): T =>
  JSON.parse(readFileSync(join(specsFolder, document, "vectors", `${structure}.json`), "utf8"));

const files = readdirSync(specsFolder, { recursive: true, encoding: "utf8" })
  .filter((path) => /\/vectors\/.*\.json$/.test(path))
  .sort()
  .map((path) => ({ path, file: JSON.parse(readFileSync(join(specsFolder, path), "utf8")) as VectorFile }));

describe("every vector", () => {
  it.each(files)("of $path says what it is, and where it came from", ({ path, file }) => {
    expect(path.endsWith(`/${file.structure}.json`)).toBe(true);
    expect(file.section).toMatch(/^\[MS-[A-Z]+\] [\d., ]+$/);
    expect(file.made.length).toBeGreaterThan(20);
    expect(file.vectors.length).toBeGreaterThan(0);
    expect(new Set(file.vectors.map((vector) => vector.name)).size).toBe(file.vectors.length);
    for (const vector of file.vectors)
      expect(["windows", "ipxe", "published", "ours"]).toContain(vector.origin);
  });

  const binary = files.flatMap(({ file }) =>
    file.vectors
      .filter((vector) => vector.fields !== undefined)
      .map((vector) => ({ structure: file.structure, definition: file.definition ?? "", vector })),
  );
  it.each(binary)(
    "$structure, $vector.name: the Kaitai definition reads its fields",
    async ({ definition, vector }) => {
      const params = vector.segmentCount === undefined ? [] : [vector.segmentCount];
      expect(await readByDefinition(definition, hex(vector.hex), ...params)).toEqual(vector.fields);
    },
  );
});

describe("Content Information", () => {
  const all = [
    ...load("pccrc", "content-information-v1").vectors,
    ...load("pccrc", "content-information-v2").vectors,
  ];
  it.each(all)("$name: ours reads the same", ({ hex: digits, fields, segmentIds }) => {
    for (const engine of [nodeHashEngine, nobleHashEngine]) {
      const read = readContentInformation(hex(digits), engine);
      expect(essenceOfOurs(read)).toEqual(essenceOfFields(fields));
      if (segmentIds) expect(read.segments.map(({ id }) => toHex(id))).toEqual(segmentIds);
    }
  });
});

describe("retrieval messages", () => {
  // biome-ignore lint/suspicious/noExplicitAny: a table of all kinds
  const kinds: readonly [string, MessageKind<any>][] = [
    ["version-request", negoRequest],
    ["version-response", negoResponse],
    ["get-block-list", getBlockList],
    ["get-blocks", getBlocks],
    ["get-segment-list", getSegmentList],
    ["block-list", blockList],
    ["block", block],
    ["segment-list", segmentList],
  ];
  const all = kinds.flatMap(([structure, kind]) =>
    load("pccrr", structure).vectors.map((vector) => ({ structure, kind, vector })),
  );
  it.each(all)("$structure, $vector.name: ours reads the same", ({ kind, vector }) => {
    const bytes = hex(vector.hex);
    const request = kind.direction === "request";
    const read = request ? parseRequest(bytes) : parseResponse(bytes);
    if (read.kind === "otherVersion") throw new Error("another version");
    const sizeBytes = request ? bytes.length : bytes.length - 4;
    const message = messageFields(read, sizeBytes, kind.direction);
    expect(request ? message : { size: sizeBytes, message }).toEqual(vector.fields);
    // Identifiers of no legal length may be read, not sent.
    const legal = !vector.name.startsWith("no legal identifier");
    if (legal) expect(toHex(encodeMessage(kind, read.cipher, read.body))).toBe(vector.hex);
  });

  it.each(load("pccrr", "segment-ages").vectors)(
    "segment ages, $name: ours reads the same",
    ({ hex: digits, fields }) => {
      const unitMs = [Number.NaN, 1_000, 100, 10, 1][Number(fields["unit"])] ?? Number.NaN;
      const ages = fields["ages"] as { segmentIndex: number; low: number; middle: number; high: number }[];
      expect(decodeSegmentAges(hex(digits))).toEqual(
        ages.map(({ segmentIndex, low, middle, high }) => ({
          segmentIndex,
          ageMs: (low + middle * 256 + high * 65_536) * unitMs,
        })),
      );
    },
  );

  interface Sealed {
    readonly name: string;
    readonly cipher: 1 | 2 | 3;
    readonly segmentSecret: string;
    readonly iv: string;
    readonly plaintext: string;
    readonly ciphertext: string;
  }
  it.each(load<{ vectors: Sealed[] }>("pccrr", "block-encryption").vectors)(
    "a block under $name opens",
    (vector) => {
      const sealed = { cipher: vector.cipher, iv: hex(vector.iv), data: hex(vector.ciphertext) };
      const opened = nodeBlockCipher.open(sealed, hex(vector.segmentSecret), vector.plaintext.length / 2);
      expect(toHex(opened?.plaintext ?? new Uint8Array(0))).toBe(vector.plaintext);
      expect(opened?.canonical).toBe(true);
    },
  );
});

describe("server secret", () => {
  interface Export {
    readonly name: string;
    readonly passphrase: string;
    readonly secret: string;
    readonly key: string;
    readonly hex: string;
  }
  it.each(load<{ vectors: Export[] }>("pccrc", "server-secret-export").vectors)(
    "PCCRC-6 $name",
    async (vector) => {
      const decipher = createDecipheriv("aes-256-cbc", hex(vector.key), new Uint8Array(16));
      const plain = Buffer.concat([decipher.update(hex(vector.hex)), decipher.final()]);
      expect(await readByDefinition("server_secret_export", plain)).toEqual({
        sha256OfSecret: createHash("sha256").update(hex(vector.secret)).digest("hex"),
        secret: vector.secret,
      });
      expect(toHex(importServerSecret(hex(vector.hex), vector.passphrase).reveal())).toBe(vector.secret);
    },
  );
});
