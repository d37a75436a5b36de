// @ts-check
/**
 * How version 2.0 content is cut, on real data: lengths of segments, and what of a file's next version a branch
 * already has. `node bench/cutting.js OLD NEW [picture.svg]`; fixed cuts every 64 KiB for comparison.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { publishBytes } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";

const KIB = 1024;
const [oldPath, newPath, picturePath] = process.argv.slice(2);
if (oldPath === undefined || newPath === undefined) {
  console.error("usage: node bench/cutting.js OLD NEW [picture.svg]");
  process.exit(2);
}

/** @typedef {{ readonly lengthBytes: number, readonly hash: string }} Cut */

/**
 * @param {Uint8Array} content
 * @returns {Cut[]}
 */
function contentDefined(content) {
  const { v2 } = publishBytes(content, { engine, versions: [2] });
  if (!v2) throw new Error("no version 2.0");
  return Array.from({ length: v2.segmentCount }, (_, index) => ({
    lengthBytes: v2.segmentLengthBytes(index),
    hash: Buffer.from(v2.hashOfData(index)).toString("hex"),
  }));
}

/**
 * @param {Uint8Array} content
 * @returns {Cut[]}
 */
function fixed(content) {
  return Array.from({ length: Math.ceil(content.length / (64 * KIB)) }, (_, index) => {
    const block = content.subarray(index * 64 * KIB, (index + 1) * 64 * KIB);
    return { lengthBytes: block.length, hash: Buffer.from(engine.hash("sha256", block)).toString("hex") };
  });
}

/**
 * For each cut of `after`, whether `before` has the same bytes as one cut.
 *
 * @param {readonly Cut[]} before
 * @param {readonly Cut[]} after
 */
function survivors(before, after) {
  const known = new Set(before.map(({ hash }) => hash));
  return after.map(({ lengthBytes, hash }) => ({ lengthBytes, kept: known.has(hash) }));
}

/** @param {readonly { lengthBytes: number, kept: boolean }[]} cuts */
function keptShare(cuts) {
  const sum = (/** @type {typeof cuts} */ some) => some.reduce((bytes, cut) => bytes + cut.lengthBytes, 0);
  return sum(cuts.filter(({ kept }) => kept)) / sum(cuts);
}

/** @param {readonly Cut[]} cuts */
function describe(cuts) {
  const lengths = cuts.map(({ lengthBytes }) => lengthBytes).sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => lengths[Math.floor(share * (lengths.length - 1))] ?? 0;
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  const forced = lengths.filter((length) => length === 128 * KIB).length / lengths.length;
  const kib = (/** @type {number} */ bytes) => (bytes / KIB).toFixed(1);
  return `${cuts.length} segments, mean ${kib(mean)} KiB, quartiles ${kib(at(0.25))} ${kib(at(0.5))} ${kib(at(0.75))}, at the maximum ${percent(forced)}`;
}

/** @param {number} share */
function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

/**
 * A histogram of lengths, and below it the new version from left to right: what the old one had, what it had not.
 *
 * @param {readonly Cut[]} cuts
 * @param {readonly (readonly [string, readonly { lengthBytes: number, kept: boolean }[]])[]} bars
 */
function picture(cuts, bars) {
  const width = 720;
  const bins = new Array(32).fill(0);
  for (const { lengthBytes } of cuts) bins[Math.min(Math.floor(lengthBytes / (4 * KIB)), 31)]++;
  const most = Math.max(...bins);
  const step = width / bins.length;
  const parts = bins.map((count, bin) => {
    const height = (140 * count) / most;
    return `<rect x="${(20 + bin * step).toFixed(1)}" y="${(170 - height).toFixed(1)}" width="${(step - 2).toFixed(1)}" height="${height.toFixed(1)}" fill="#4a7ab5"/>`;
  });
  for (const kib of [0, 32, 64, 96, 128]) {
    const x = 20 + (kib / 128) * width;
    const anchor = kib === 0 ? "start" : kib === 128 ? "end" : "middle";
    parts.push(`<text x="${x}" y="186" text-anchor="${anchor}">${kib} KiB</text>`);
  }
  parts.push(`<text x="20" y="20">Lengths of the ${cuts.length} segments</text>`);
  bars.forEach(([name, survived], row) => {
    const y = 226 + row * 56;
    const total = survived.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    parts.push(`<text x="20" y="${y - 6}">${name}: ${percent(keptShare(survived))} of the bytes kept</text>`);
    parts.push(`<rect x="20" y="${y}" width="${width}" height="24" fill="#4a7ab5"/>`);
    let at = 0;
    let lostFrom = 0;
    for (const [index, { lengthBytes, kept }] of survived.entries()) {
      if (kept) lostFrom = at + lengthBytes;
      at += lengthBytes;
      if (lostFrom === at || survived[index + 1]?.kept === false) continue;
      const x = 20 + (lostFrom / total) * width;
      const wide = ((at - lostFrom) / total) * width;
      parts.push(
        `<rect x="${x.toFixed(2)}" y="${y}" width="${wide.toFixed(2)}" height="24" fill="#d9822b"/>`,
      );
    }
  });
  const height = 226 + bars.length * 56;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width + 40} ${height}" font-family="sans-serif" font-size="13">
<title>Lengths of version 2.0 segments, and what survives an edit</title>
<rect width="100%" height="100%" fill="white"/>
${parts.join("\n")}
</svg>
`;
}

const before = readFileSync(oldPath);
const after = readFileSync(newPath);
const edited = new Uint8Array(before.length + 1);
edited.set(before.subarray(0, before.length >> 1));
edited.set(before.subarray(before.length >> 1), (before.length >> 1) + 1);

const cuts = contentDefined(after);
const newVersion = survivors(contentDefined(before), cuts);
const newVersionFixed = survivors(fixed(before), fixed(after));
console.log(`${newPath}: ${after.length} bytes, ${describe(cuts)}`);
console.log(
  `kept of ${oldPath}: ${percent(keptShare(newVersion))}; with fixed cuts ${percent(keptShare(newVersionFixed))}`,
);
const insertion = survivors(contentDefined(before), contentDefined(edited));
const insertionFixed = survivors(fixed(before), fixed(edited));
console.log(
  `kept after one byte put into the middle: ${percent(keptShare(insertion))} (${insertion.filter(({ kept }) => !kept).length} segments new); with fixed cuts ${percent(keptShare(insertionFixed))}`,
);
if (picturePath !== undefined) {
  writeFileSync(
    picturePath,
    picture(cuts, [
      ["Next version, cut by content", newVersion],
      ["Next version, fixed cuts", newVersionFixed],
      ["One byte put in, cut by content", insertion],
      ["One byte put in, fixed cuts", insertionFixed],
    ]),
  );
}
