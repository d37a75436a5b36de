/** Valid blobs damaged at random: whatever comes of it, a reader gives a value, fit for use, or a `DecodeError`. */
import {
  blockCount,
  createContentInformationReader,
  publicationFromColumns,
  publishBytes,
  readContentInformation,
  type Segment,
  verifyBlock,
  verifyBlockList,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { concatBytes, DecodeError, randomInteger } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";
import { exampleContent, exampleSecret } from "./support.ts";

const content = exampleContent(200_000);
const { v1, v2 } = publishBytes(content, { engine });
const twoSegments = publicationFromColumns({
  version: 1,
  algorithm: "sha256",
  segmentLengths: Uint32Array.of(33_554_432, 70_000),
  hashesOfData: new Uint8Array(64),
  blockHashes: new Uint8Array(514 * 32),
});
const blobs = [
  writeContentInformation(v1!, exampleSecret, engine),
  writeContentInformation(v1!, exampleSecret, engine, { startBytes: 70_000, endBytes: 140_000 }),
  writeContentInformation(twoSegments, exampleSecret, engine, {
    startBytes: 33_500_000,
    endBytes: 33_600_000,
  }),
  writeContentInformation(v2!, exampleSecret, engine),
  writeContentInformation(v2!, exampleSecret, engine, { startBytes: 140_000, endBytes: 150_000 }),
];

/** Values that limits and signs are tripped by. */
const EDGES = [0, 1, 2, 4, 12, 14, 16, 31, 32, 64, 68, 127, 128, 254, 255];

export interface MutationCount {
  readonly values: number;
  readonly faults: number;
}

/** Throws what a reader or the use of what it gave throws, unless it is a `DecodeError`. */
export function readMutations(count: number, seed: number): MutationCount {
  const random = seededRandom(seed);
  const below = (limit: number) => randomInteger(random, 0, limit - 1);
  let values = 0;
  let faults = 0;
  for (let turn = 0; turn < count; turn++) {
    let blob = blobs[turn % blobs.length]!.slice();
    // The header is a few bytes among hundreds, and where everything is decided.
    const place = () => below(below(2) === 0 ? Math.min(blob.length, 110) : blob.length);
    for (let changes = 1 + below(3); changes > 0 && blob.length > 0; changes--) {
      const kind = below(6);
      if (kind <= 1) blob[place()] = EDGES[below(EDGES.length)]!;
      else if (kind === 2) blob[place()]! ^= 1 << below(8);
      else if (kind === 3) blob = blob.slice(0, place());
      else if (kind === 4) blob = concatBytes(blob, random.bytes(below(80))).slice();
      else blob.copyWithin(place(), place(), place());
    }
    try {
      read(blob, turn % 2 === 0 ? blob.length : 1 + below(100));
      values++;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      faults++;
    }
  }
  return { values, faults };
}

function read(blob: Uint8Array, pieceBytes: number): void {
  if (pieceBytes >= blob.length) {
    use(readContentInformation(blob, engine).segments);
    return;
  }
  const reader = createContentInformationReader(engine);
  for (let at = 0; at < blob.length; at += pieceBytes) reader.push(blob.subarray(at, at + pieceBytes));
  reader.end();
}

/** What a reader of the first and the last segment asks of them: it may not fail on what was accepted. */
function use(segments: readonly Segment[]): void {
  for (const segment of [segments[0]!, segments.at(-1)!]) {
    verifyBlockList(segment, engine);
    const last = blockCount(segment) - 1;
    if (segment.firstBlockIndex > last || segment.id.length !== segment.hashOfData.length) {
      throw new RangeError(`block ${segment.firstBlockIndex} of ${last + 1}`);
    }
    verifyBlock(segment, last, new Uint8Array(1), engine);
  }
}
