/**
 * Content Information of a large content from its publication: how long until the first bytes, how long until the
 * last. `node bench/hashing-encoding.js [GiB]`, 10 unless told. The hashes are random; nobody hashes the content.
 */
import { randomFillSync } from "node:crypto";
import { performance } from "node:perf_hooks";
import {
  contentInformationParts,
  createContentInformationReader,
  decodePublication,
  encodePublication,
  publicationFromColumns,
  ServerSecret,
} from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";

const BLOCK_BYTES = 65_536;
const SEGMENT_BYTES = { 1: 33_554_432, 2: 65_536 };
const ROUNDS = 5;

const gibibytes = Number(process.argv[2] ?? 10);
const contentBytes = gibibytes * 2 ** 30;
const secret = ServerSecret.fromPassphrase("bench");

/** @param {1 | 2} version */
function publicationOf(version) {
  const segments = contentBytes / SEGMENT_BYTES[version];
  const blocks = version === 1 ? contentBytes / BLOCK_BYTES : 0;
  return publicationFromColumns({
    version,
    algorithm: version === 1 ? "sha256" : "sha512-truncated",
    segmentLengths: new Uint32Array(segments).fill(SEGMENT_BYTES[version]),
    hashesOfData: randomFillSync(new Uint8Array(32 * segments)),
    blockHashes: randomFillSync(new Uint8Array(32 * blocks)),
  });
}

/** @param {Uint8Array} stored */
function check(stored) {
  const reader = createContentInformationReader(engine);
  let described = 0;
  for (const part of contentInformationParts(decodePublication(stored), secret, engine)) {
    for (const segment of reader.push(part)) described += segment.lengthBytes;
  }
  reader.end();
  if (described !== contentBytes) throw new Error(`${described} bytes described instead of ${contentBytes}`);
}

/** @param {Uint8Array} stored */
function measure(stored) {
  const start = performance.now();
  const publication = decodePublication(stored);
  const decoded = performance.now();
  const parts = contentInformationParts(publication, secret, engine);
  let bytes = parts.next().value?.length ?? 0;
  const first = performance.now();
  for (const part of parts) bytes += part.length;
  const last = performance.now();
  return { bytes, decodeMs: decoded - start, firstMs: first - decoded, allMs: last - decoded };
}

for (const version of /** @type {const} */ ([1, 2])) {
  const stored = encodePublication(publicationOf(version));
  check(stored);
  const runs = Array.from({ length: ROUNDS }, () => measure(stored));
  const best = (/** @type {"decodeMs" | "firstMs" | "allMs"} */ what) =>
    Math.min(...runs.map((run) => run[what])).toFixed(1);
  console.log(
    `version ${version}.0 of ${gibibytes} GiB, ${((runs[0]?.bytes ?? 0) / 1e6).toFixed(1)} MB: first 64 KiB after ` +
      `${best("firstMs")} ms, all after ${best("allMs")} ms; from a store's bytes ${best("decodeMs")} ms before`,
  );
}
