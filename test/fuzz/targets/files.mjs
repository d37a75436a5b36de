// @ts-check
/** Files that may come from others, or be damaged: a cache's package, the settings. */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { createMemoryStore, makeBlockCheck } from "@branchcache/cache-store";
import { exportPackage, importPackage } from "@branchcache/cache-store/package";
import { publishBytes, ServerSecret, segmentsOf } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { nodeBlockCipher } from "@branchcache/retrieval/node";
import { concatBytes } from "@branchcache/runtime";
import { systemClock as clock, systemRandom } from "@branchcache/runtime/node";
import { resolveConfig } from "../../../packages/cli/dist/config/resolve.js";
import { mustEqual, refusal, utf8 } from "../lib/target.mjs";

/** @typedef {import("../lib/target.mjs").Target} Target */

const emptyStore = () => createMemoryStore({ limitBytes: 2 ** 24, clock });
const PACKAGE_ERRORS = /^BC_(PACKAGE_DAMAGED|STORE_(FULL|IO|ARGUMENT))$/;

/** A file of its own for this thread. @param {string} name */
async function scratch(name) {
  const folder = await mkdtemp(join(tmpdir(), "branchcache-fuzz-"));
  return { file: join(folder, name), folder, close: () => rm(folder, { recursive: true, force: true }) };
}

/** A package with two blocks, their secret and hashes, and the reference that goes with it. */
async function examplePackage() {
  const content = new Uint8Array(66_000).fill(7);
  const { v1 } = publishBytes(content, { engine, versions: [1] });
  const secret = ServerSecret.fromPassphrase("of this server");
  const [segment] = v1 ? segmentsOf(v1, secret, engine) : [];
  if (!segment) throw new Error("nothing was published");
  const stores = emptyStore();
  const { id, hashOfData, algorithm, blockSizeBytes, lengthBytes } = segment;
  await stores.secrets.put(id, segment.secret);
  // The second block alone: the first would be all of the input.
  const index = 1;
  await stores.blocks.putBlock(
    {
      ...{ id, hashOfData, algorithm, blockSizeBytes, lengthBytes },
      cipher: 1,
      tags: ["fuzz"],
      trust: "verified",
      blockHashes: concatBytes(...segment.blockHashes),
    },
    index,
    nodeBlockCipher.seal(content.subarray(index * blockSizeBytes), segment.secret, 1, systemRandom),
  );
  const { file, close } = await scratch("example");
  const writeReference = `${file}.reference`;
  await exportPackage({ ...stores, file, writeReference, wallMs: () => 0 });
  const files = [await readFile(file), await readFile(writeReference)];
  await close();
  return files.map((bytes) => new Uint8Array(bytes));
}

const MAGIC_BYTES = 8;
const END = 6;

/** Checksums of the records, and the hash of all in the last. @param {Uint8Array} bytes */
function withChecksums(bytes) {
  const right = Buffer.from(bytes);
  for (let at = MAGIC_BYTES; at + 12 <= right.length; ) {
    const end = at + 8 + right.readUInt32LE(at + 4);
    if (end + 4 > right.length) break;
    const mark = right.subarray(at, end).indexOf(Uint8Array.of(0xc4, 32));
    if (right[at] === END && mark >= 0 && mark + 34 <= end - at) {
      right.set(createHash("sha256").update(right.subarray(0, at)).digest(), at + mark + 2);
    }
    right.writeUInt32LE(crc32(right.subarray(at, end)), end);
    at = end + 4;
  }
  return new Uint8Array(right);
}

/** @type {Target} */
const cachePackage = {
  name: "cache-package",
  seeds: examplePackage,
  repair: withChecksums,
  maxBytes: 4_096,
  maxWork: 1_000_000,
  async open() {
    const { file, close } = await scratch("package");
    return {
      close,
      async run(bytes) {
        await writeFile(file, bytes);
        const stores = emptyStore();
        const check = makeBlockCheck({
          engine,
          open: (sealed, secret, length) => nodeBlockCipher.open(sealed, secret, length),
          secretOf: (id) => stores.secrets.get(id),
        });
        try {
          const { stored, refused } = await importPackage({ ...stores, file, check });
          return stored > 0 ? "imported" : refused > 0 ? "blocks refused" : "nothing in it";
        } catch (error) {
          refusal(error, PACKAGE_ERRORS);
        }
        try {
          await exportPackage({ ...stores, file: `${file}.out`, since: file, wallMs: () => 0 });
          return "reference";
        } catch (error) {
          return refusal(error, PACKAGE_ERRORS);
        }
      },
    };
  },
};

/** @type {Target} */
const settings = {
  name: "settings-file",
  seeds: () =>
    [
      { mode: "distributed", cache: { data: { path: "/var/cache/x", max_percent: 5 }, max_age: "28d" } },
      {
        mode: "hosted-client",
        hosted_client: { servers: ["cache.example.org:8080"] },
        log: { level: "debug" },
      },
      {
        peer: { listen_port: 8080, interfaces: ["eth0"], max_uploads: 3 },
        metrics: { listen: "127.0.0.1:9100" },
      },
      { content_server: { root: "/srv", listen: "0.0.0.0:80" }, discovery: { back_off: "65ms" } },
      {},
    ].map((tree) => utf8(JSON.stringify(tree))),
  dictionary: [
    "null",
    "true",
    "[]",
    "{}",
    "__proto__",
    "constructor",
    "1e999",
    "-1",
    '"',
    ":",
    ",",
    "%",
    "d",
    "GiB",
  ],
  maxWork: 5_000_000,
  // A setting that there is not is held against all that there are, letter by letter.
  maxWorkPerByte: 30_000,
  async open() {
    const { file, close } = await scratch("branchcache.json");
    return {
      close,
      async run(bytes) {
        await writeFile(file, bytes);
        let read;
        try {
          read = await resolveConfig({ configFile: file, env: {} });
        } catch (error) {
          return refusal(error, /^BC_CONFIG$/);
        }
        // What `config show` prints is taken again, and means the same.
        const edit = { tree: treeOf(read.written), keys: new Set(read.written.keys()) };
        const again = await resolveConfig({ configFile: file, env: {}, edit });
        mustEqual(again.settings, read.settings, "written and read again");
        return "settings";
      },
    };
  },
};

/** @param {ReadonlyMap<string, { readonly value: unknown }>} written By key with dots. */
function treeOf(written) {
  /** @type {Record<string, unknown>} */
  const tree = {};
  for (const [key, { value }] of written) {
    if (value === undefined) continue;
    const names = key.split(".");
    const last = names.pop() ?? "";
    let at = tree;
    for (const name of names) at = /** @type {Record<string, unknown>} */ ((at[name] ??= {}));
    at[last] = value;
  }
  return tree;
}

export const targets = [cachePackage, settings];
