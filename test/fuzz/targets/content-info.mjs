// @ts-check
/** [MS-PCCRC] Content Information, the hosted caches' single segments, hashes in a store, and the secret's export. */

import { crc32 } from "node:zlib";
import {
  blockCount,
  createContentInformationReader,
  decodePublication,
  encodePublication,
  publishBytes,
  readContentInformation,
  readSegmentInformation,
  ServerSecret,
  verifyBlock,
  verifyBlockList,
  writeContentInformation,
  writeSegmentInformation,
} from "@branchcache/content-info";
import {
  nodeHashEngine as engine,
  exportServerSecret,
  importServerSecret,
} from "@branchcache/content-info/node";
import { concatBytes, equalBytes } from "@branchcache/runtime";
import { mustEqual, refusal, vectorsOf } from "../lib/target.mjs";

/**
 * @typedef {import("@branchcache/content-info").ContentInformation} ContentInformation
 * @typedef {import("@branchcache/content-info").Segment} Segment
 * @typedef {import("../lib/target.mjs").Target} Target
 */

const DECODE = /^BC_DECODE_/;
const PIECE_BYTES = 37;
/** dwHashAlgo. [MS-PCCRC] 2.3 */
const V1_ALGORITHMS = { sha256: 0x800c, sha384: 0x800d, sha512: 0x800e, "sha512-truncated": 0 };
const content = new Uint8Array(150_001).map((_, i) => (i * i) >> 7);
const secret = ServerSecret.fromPassphrase("of this server");
const published = publishBytes(content, { engine });

/** @param {Segment} segment */
const essence = ({
  id,
  secret,
  hashOfData,
  offsetBytes,
  lengthBytes,
  blockSizeBytes,
  firstBlockIndex,
  blockHashes,
}) => ({
  ...{ id, secret, hashOfData, offsetBytes, lengthBytes, blockSizeBytes, firstBlockIndex },
  blockHashes: [...blockHashes],
});

/** @param {Uint8Array} bytes */
function readInPieces(bytes) {
  const reader = createContentInformationReader(engine);
  const segments = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    segments.push(...reader.push(bytes.subarray(at, at + PIECE_BYTES)));
  }
  return { ...reader.end(), segments };
}

/** @param {ContentInformation} information */
const whole = ({ segments, ...summary }) => ({ ...summary, segments: segments.map(essence) });

/** What a reader of the first and the last segment asks of them: it may not fail on what was accepted. @param {readonly Segment[]} segments */
function use(segments) {
  for (const segment of new Set([segments[0], segments.at(-1)])) {
    if (!segment) throw new Error("no segments");
    verifyBlockList(segment, engine);
    const last = blockCount(segment) - 1;
    if (segment.firstBlockIndex + segment.blockHashes.length - 1 > last)
      throw new Error("a block behind the last");
    verifyBlock(segment, last, new Uint8Array(1), engine);
  }
}

/** As it is written by code of this test's own: a list of blocks, a chunk for all segments. @param {ContentInformation} information */
function encoded({ version, algorithm, range, segments }) {
  const first = /** @type {Segment} */ (segments[0]);
  const last = /** @type {Segment} */ (segments.at(-1));
  const offset = range.startBytes - first.offsetBytes;
  if (version === 2) {
    const head = Buffer.alloc(36);
    head.set([0, 2, 4]);
    head.writeBigUInt64BE(BigInt(first.offsetBytes), 3);
    head.writeUInt32BE(offset, 19);
    head.writeBigUInt64BE(BigInt(range.endBytes - range.startBytes), 23);
    head.writeUInt32BE(68 * segments.length, 32);
    return concatBytes(
      head,
      ...segments.flatMap(({ hashOfData, lengthBytes, secret }) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(lengthBytes);
        return [length, hashOfData, secret];
      }),
    );
  }
  const head = Buffer.alloc(18);
  head[1] = 1;
  head.writeUInt32LE(V1_ALGORITHMS[algorithm], 2);
  head.writeUInt32LE(offset, 6);
  head.writeUInt32LE(range.endBytes - (segments.length === 1 ? range.startBytes : last.offsetBytes), 10);
  head.writeUInt32LE(segments.length, 14);
  const descriptions = segments.flatMap(
    ({ offsetBytes, lengthBytes, blockSizeBytes, hashOfData, secret }) => {
      const numbers = Buffer.alloc(16);
      numbers.writeBigUInt64LE(BigInt(offsetBytes));
      numbers.writeUInt32LE(lengthBytes, 8);
      numbers.writeUInt32LE(blockSizeBytes, 12);
      return [numbers, hashOfData, secret];
    },
  );
  const lists = segments.flatMap(({ blockHashes }) => {
    const count = Buffer.alloc(4);
    count.writeUInt32LE(blockHashes.length);
    return [count, ...blockHashes];
  });
  return concatBytes(head, ...descriptions, ...lists);
}

/** @type {Target} */
const contentInformation = {
  name: "content-information",
  seeds: () => [
    ...vectorsOf("pccrc", "content-information-v1"),
    ...vectorsOf("pccrc", "content-information-v2"),
    ...[published.v1, published.v2].flatMap((publication) =>
      publication
        ? [writeContentInformation(publication, secret, engine, { startBytes: 70_000, endBytes: 140_000 })]
        : [],
    ),
  ],
  // 512 lists of a version 1.0 segment are hashed by the use of it, which counts as nothing here.
  maxWork: 400_000,
  async open() {
    return {
      run(bytes) {
        let read;
        try {
          read = readContentInformation(bytes, engine);
        } catch (error) {
          const refused = refusal(error, DECODE);
          try {
            readInPieces(bytes);
          } catch (again) {
            return refusal(again, DECODE);
          }
          throw new Error(`refused whole, and taken in pieces: ${refused}`);
        }
        mustEqual(whole(readInPieces(bytes)), whole(read), "read in pieces");
        mustEqual(
          whole(readContentInformation(encoded(read), engine)),
          whole(read),
          "written and read again",
        );
        use(read.segments);
        return `version ${read.version}`;
      },
    };
  },
};

/** @type {Target} */
const segmentInformation = {
  name: "segment-information",
  seeds: () => vectorsOf("pccrc", "content-information-v1"),
  async open() {
    return {
      run(bytes) {
        let read;
        try {
          read = readSegmentInformation(bytes, engine);
        } catch (error) {
          return refusal(error, DECODE);
        }
        const again = readSegmentInformation(writeSegmentInformation(read), engine);
        mustEqual(essence(again), essence(read), "written and read again");
        use([read]);
        return "segment";
      },
    };
  },
};

/** @type {Target} */
const publication = {
  name: "publication",
  seeds: () => [published.v1, published.v2].flatMap((made) => (made ? [encodePublication(made)] : [])),
  repair(bytes) {
    if (bytes.length < 4) return bytes;
    const right = Buffer.from(bytes);
    right.writeUInt32LE(crc32(right.subarray(0, -4)), right.length - 4);
    return new Uint8Array(right);
  },
  async open() {
    return {
      run(bytes) {
        let read;
        try {
          read = decodePublication(bytes);
        } catch (error) {
          return refusal(error, DECODE);
        }
        if (!equalBytes(encodePublication(read), bytes))
          throw new Error("written as other bytes than were read");
        return "publication";
      },
    };
  },
};

/** @type {Target} */
const secretExport = {
  name: "secret-export",
  seeds: () => vectorsOf("pccrc", "server-secret-export"),
  maxBytes: 512,
  async open() {
    return {
      run(bytes) {
        if (bytes.length > 0) {
          const carried = importServerSecret(exportServerSecret(ServerSecret.fromBytes(bytes), "a"), "a");
          if (!equalBytes(carried.reveal(), bytes)) throw new Error("another secret came out");
        }
        try {
          importServerSecret(bytes, "a");
          return "imported";
        } catch (error) {
          return bytes.length > 0 ? `${refusal(error, /^BC_SECRET_IMPORT$/)} as a file` : "refused";
        }
      },
    };
  },
};

export const targets = [contentInformation, segmentInformation, publication, secretExport];
