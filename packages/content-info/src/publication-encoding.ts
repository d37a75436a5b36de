/**
 * Publications as bytes for a store, in a format of our own: little-endian, with a CRC-32 at the end to find damage.
 * Segment lengths are written for version 2.0 alone: those of version 1.0 follow from the content's length.
 */
import {
  constant,
  DecodeError,
  type DecodeErrorCode,
  decode,
  encode,
  type Layout,
  mapped,
  oneOf,
  struct,
  u8,
  u32le,
  u64le,
} from "@branchcache/runtime";
import { hashLengthBytes, isAlgorithmOf } from "./algorithms.ts";
import { V1_BLOCK_BYTES, V1_SEGMENT_BYTES, V2_MAX_SEGMENT_BYTES } from "./constants.ts";
import { crc32 } from "./crc32.ts";
import { type Publication, publicationFromColumns } from "./publication.ts";
import type { HashAlgorithm } from "./types.ts";

/** "BCP", then the version of this format. */
const MAGIC = 0x0150_4342;
const ALGORITHMS = ["sha256", "sha384", "sha512", "sha512-truncated"] as const;
const CHECKSUM_BYTES = 4;

const algorithmField: Layout<HashAlgorithm> = mapped(
  oneOf(u8, [0, 1, 2, 3]),
  (id) => ALGORITHMS[id],
  (algorithm) => ALGORITHMS.indexOf(algorithm) as 0 | 1 | 2 | 3,
);

interface Header {
  readonly magic: number;
  readonly version: 1 | 2;
  readonly algorithm: HashAlgorithm;
  readonly lengthBytes: number;
  readonly segmentCount: number;
}

const headerLayout: Layout<Header> = struct("Publication", {
  magic: constant(u32le, MAGIC),
  version: oneOf(u8, [1, 2]),
  algorithm: algorithmField,
  lengthBytes: u64le,
  segmentCount: u32le,
});
const HEADER_BYTES = 18;
const LENGTH_AT = 6;

/** The offset of each column, and the size of the whole. */
function columnsOf({ version, algorithm, lengthBytes, segmentCount }: Header) {
  const hashBytes = hashLengthBytes(algorithm);
  const blocks = version === 1 ? Math.ceil(lengthBytes / V1_BLOCK_BYTES) : 0;
  const hashesOfData = HEADER_BYTES + (version === 2 ? 4 * segmentCount : 0);
  const blockHashes = hashesOfData + segmentCount * hashBytes;
  const checksum = blockHashes + blocks * hashBytes;
  return {
    hashBytes,
    lengths: HEADER_BYTES,
    hashesOfData,
    blockHashes,
    checksum,
    size: checksum + CHECKSUM_BYTES,
  };
}

/** A new array: 36 bytes for each version 2.0 segment, one hash for each version 1.0 block. */
export function encodePublication(publication: Publication): Uint8Array {
  const { version, algorithm, lengthBytes, segmentCount } = publication;
  const header: Header = { magic: MAGIC, version, algorithm, lengthBytes, segmentCount };
  const columns = columnsOf(header);
  const bytes = new Uint8Array(columns.size);
  const view = new DataView(bytes.buffer);
  bytes.set(encode(headerLayout, header));
  let blocksAt = columns.blockHashes;
  for (let index = 0; index < segmentCount; index++) {
    if (version === 2)
      view.setUint32(columns.lengths + 4 * index, publication.segmentLengthBytes(index), true);
    bytes.set(publication.hashOfData(index), columns.hashesOfData + index * columns.hashBytes);
    const hashes = publication.blockHashes(index);
    bytes.set(hashes, blocksAt);
    blocksAt += hashes.length;
  }
  view.setUint32(columns.checksum, crc32(bytes.subarray(0, columns.checksum)), true);
  return bytes;
}

/** Hashes of the result are views of `bytes`. Throws `DecodeError`, also for bytes that are damaged. */
export function decodePublication(bytes: Uint8Array): Publication {
  const header = decode(headerLayout, bytes, { trailing: "allow" });
  const { version, algorithm, lengthBytes, segmentCount } = header;
  if (!isAlgorithmOf(version, algorithm))
    fail("BC_DECODE_INCONSISTENT", `no ${algorithm} in version ${version}`, 5);
  const columns = columnsOf(header);
  if (bytes.length < columns.size) fail("BC_DECODE_TRUNCATED", `${columns.size} bytes needed`, bytes.length);
  if (bytes.length > columns.size) fail("BC_DECODE_TRAILING", `${columns.size} bytes needed`, columns.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(columns.checksum, true) !== crc32(bytes.subarray(0, columns.checksum))) {
    fail("BC_DECODE_VALUE", "checksum does not fit", columns.checksum);
  }
  const segmentLengths = new Uint32Array(segmentCount);
  let total = 0;
  for (let index = 0; index < segmentCount; index++) {
    const length =
      version === 1
        ? Math.min(V1_SEGMENT_BYTES, lengthBytes - total)
        : view.getUint32(columns.lengths + 4 * index, true);
    if (length < 1 || (version === 2 && length > V2_MAX_SEGMENT_BYTES)) {
      fail("BC_DECODE_VALUE", `segment ${index} of ${length} bytes`, columns.lengths);
    }
    segmentLengths[index] = length;
    total += length;
  }
  if (total !== lengthBytes) fail("BC_DECODE_INCONSISTENT", `segments of ${total} bytes together`, LENGTH_AT);
  return publicationFromColumns({
    version,
    algorithm,
    segmentLengths,
    hashesOfData: bytes.subarray(columns.hashesOfData, columns.blockHashes),
    blockHashes: bytes.subarray(columns.blockHashes, columns.checksum),
  });
}

function fail(code: DecodeErrorCode, reason: string, offsetBytes: number): never {
  throw new DecodeError(code, reason, { structure: "Publication", path: "", offsetBytes });
}
