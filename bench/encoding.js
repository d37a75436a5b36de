// @ts-check
/**
 * Content Information of a large content from its publication, beside the least that it takes: an HMAC for each segment's
 * secret, and a copy of all hashes. `node bench/encoding.js [GiB]`, 10 unless told. The hashes are random; nobody hashes the content.
 */
import { createHmac, randomBytes, randomFillSync } from "node:crypto";
import {
  contentInformationParts,
  createContentInformationReader,
  decodePublication,
  encodePublication,
  publicationFromColumns,
  ServerSecret,
} from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { median } from "./support/median.js";
import { duration, startReport } from "./support/report.js";

const BLOCK_BYTES = 65_536;
const SEGMENT_BYTES = { 1: 33_554_432, 2: 65_536 };
const HASH_BYTES = 32;
const ROUNDS = 5;

const gibibytes = Number(process.argv[2] ?? 10);
const contentBytes = gibibytes * 2 ** 30;
const secret = ServerSecret.fromPassphrase("bench");
const report = startReport(import.meta.filename, `Content Information of ${gibibytes} GiB, ${ROUNDS} rounds`);

/** @param {1 | 2} version */
function counts(version) {
  const blocks = version === 1 ? contentBytes / BLOCK_BYTES : 0;
  return { segments: contentBytes / SEGMENT_BYTES[version], blocks };
}

/** @param {1 | 2} version */
function publicationOf(version) {
  const { blocks, segments } = counts(version);
  return publicationFromColumns({
    version,
    algorithm: version === 1 ? "sha256" : "sha512-truncated",
    segmentLengths: new Uint32Array(segments).fill(SEGMENT_BYTES[version]),
    hashesOfData: randomFillSync(new Uint8Array(HASH_BYTES * segments)),
    blockHashes: randomFillSync(new Uint8Array(HASH_BYTES * blocks)),
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

/** Seconds. @param {Uint8Array} stored */
function measure(stored) {
  const start = performance.now();
  const publication = decodePublication(stored);
  const decoded = performance.now();
  const parts = contentInformationParts(publication, secret, engine);
  let bytes = parts.next().value?.length ?? 0;
  const first = performance.now();
  for (const part of parts) bytes += part.length;
  const last = performance.now();
  return {
    bytes,
    decoding: (decoded - start) / 1e3,
    untilFirst: (first - decoded) / 1e3,
    untilLast: (last - decoded) / 1e3,
  };
}

/** The least that it takes, in seconds. @param {1 | 2} version */
function floor(version) {
  const { blocks, segments } = counts(version);
  const key = randomBytes(HASH_BYTES);
  const hashes = randomFillSync(new Uint8Array(HASH_BYTES * (segments + blocks)));
  const start = performance.now();
  const copy = new Uint8Array(hashes.length + HASH_BYTES * segments);
  copy.set(hashes);
  for (let n = 0; n < segments; n++) {
    const hashOfData = hashes.subarray(HASH_BYTES * n, HASH_BYTES * (n + 1));
    copy.set(createHmac("sha256", key).update(hashOfData).digest(), hashes.length + HASH_BYTES * n);
  }
  return (performance.now() - start) / 1e3;
}

for (const version of /** @type {const} */ ([1, 2])) {
  const stored = encodePublication(publicationOf(version));
  check(stored);
  const rounds = Array.from({ length: ROUNDS }, () => ({ ...measure(stored), floor: floor(version) }));
  const middle = (/** @type {"decoding" | "untilFirst" | "untilLast" | "floor"} */ what) =>
    median(rounds.map((round) => round[what]));
  report.ratio({
    what: `Content Information V${version}, ${((rounds[0]?.bytes ?? 0) / 1e6).toFixed(1)} MB`,
    ours: duration(middle("untilLast")),
    reference: `an HMAC for each segment and a copy of the hashes, ${duration(middle("floor"))}`,
    ratios: rounds.map((round) => round.floor / round.untilLast),
  });
  report.note(
    `  first 64 KiB after ${duration(middle("untilFirst"))}; reading it from a store before takes ${duration(middle("decoding"))}`,
  );
}
