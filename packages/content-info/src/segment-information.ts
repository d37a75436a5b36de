/**
 * Version 1.0 Content Information of exactly one segment, as a client hands it to a hosted cache.
 * [MS-PCHC] 2.2.1.4, [MS-PCCRC] 2.3
 */
import { ByteReader, concatBytes, encode } from "@branchcache/runtime";
import { hashLengthBytes } from "./algorithms.ts";
import { V1_BLOCK_BYTES } from "./constants.ts";
import type { HashEngine } from "./hash-engine.ts";
import { blockCount, LazySegment } from "./segment.ts";
import type { Segment } from "./types.ts";
import { blockHashesField, blockListHead, headerV1, segmentDescriptionV1 } from "./wire/v1.ts";
import { versionField } from "./wire/version.ts";

/**
 * Description and listed block hashes are copied as the segment has them. `offsetInSegmentBytes`: where the
 * content range begins in it; by default at the first listed block. As secret as the content itself.
 * Throws `EncodeError` for a segment of version 2.0.
 */
export function writeSegmentInformation(
  segment: Segment,
  offsetInSegmentBytes: number = segment.firstBlockIndex * segment.blockSizeBytes,
): Uint8Array {
  const { algorithm, blockHashes, blockSizeBytes, hashOfData, lengthBytes, offsetBytes, secret } = segment;
  const description = segmentDescriptionV1(hashLengthBytes(algorithm));
  return concatBytes(
    encode(versionField, { minor: 0, major: 1 }),
    encode(headerV1, {
      hashAlgorithm: algorithm,
      offsetInFirstSegment: offsetInSegmentBytes,
      // The whole segment, whatever part of it the range covers.
      bytesInLastSegment: lengthBytes,
      segmentCount: 1,
    }),
    encode(description, { offsetBytes, lengthBytes, blockSizeBytes, hashOfData, secret }),
    encode(blockListHead, { blockCount: blockHashes.length }),
    ...blockHashes,
  );
}

/**
 * Reads what others sent. dwReadBytesInLastSegment is not looked at: some senders put the range's offset there.
 * A list that is shorter than the segment starts at the block of the range's offset, or where it would not fit
 * from there, at the segment's first. Hashes and secret are views of `bytes`. Throws `DecodeError`.
 */
export function readSegmentInformation(bytes: Uint8Array, engine: HashEngine): Segment {
  const reader = new ByteReader(bytes, "SegmentInformation");
  if (versionField.read(reader).major !== 1) reader.fail("BC_DECODE_VALUE", "version 2.0", 0);
  const header = headerV1.read(reader);
  const { hashAlgorithm: algorithm, offsetInFirstSegment, segmentCount } = header;
  if (segmentCount !== 1) reader.fail("BC_DECODE_VALUE", `${segmentCount} segments where one belongs`);
  const hashBytes = hashLengthBytes(algorithm);
  const { hashOfData, lengthBytes, offsetBytes, secret } = segmentDescriptionV1(hashBytes).read(reader);
  if (offsetInFirstSegment >= lengthBytes) {
    reader.fail("BC_DECODE_INCONSISTENT", `offset ${offsetInFirstSegment} in ${lengthBytes} bytes`);
  }
  const { blockCount: listed } = blockListHead.read(reader);
  const all = Math.ceil(lengthBytes / V1_BLOCK_BYTES);
  if (listed === 0 || listed > all) reader.fail("BC_DECODE_INCONSISTENT", `${listed} blocks of ${all}`);
  const { hashes } = blockHashesField(listed, hashBytes).read(reader);
  if (reader.remaining > 0) reader.fail("BC_DECODE_TRAILING", `${reader.remaining} bytes left over`);
  const fromRange = Math.floor(offsetInFirstSegment / V1_BLOCK_BYTES);
  return new LazySegment(
    {
      version: 1,
      algorithm,
      offsetBytes,
      lengthBytes,
      hashOfData,
      secret: () => secret,
      firstBlockIndex: listed < all && fromRange + listed <= all ? fromRange : 0,
      blockHashes: hashes,
    },
    engine,
  );
}

/** Whether the hashes of all its blocks are listed. */
export function isWhollyListed(segment: Segment): boolean {
  return segment.firstBlockIndex === 0 && segment.blockHashes.length >= blockCount(segment);
}
