/** A file held against a Content Information. */
import { open } from "node:fs/promises";
import {
  blockLengthBytes,
  type ContentInformation,
  verifyBlock,
  verifyBlockList,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";

export interface VerifyFault {
  readonly message: string;
  readonly where: Readonly<Record<string, number>>;
}

/**
 * Checks every listed block; a file that holds the range alone or the whole content. The first fault, or
 * nothing. Rejects with the file system's errors.
 */
export async function verifyFile(
  content: ContentInformation,
  path: string,
): Promise<VerifyFault | undefined> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const [first] = content.segments;
    const last = content.segments.at(-1);
    const wholeContent = first?.offsetBytes === 0 && content.range.startBytes === 0;
    const endBytes = last ? last.offsetBytes + last.lengthBytes : 0;
    if (wholeContent && content.range.endBytes === endBytes && size !== endBytes) {
      return {
        message: `${size} bytes, ${endBytes} described`,
        where: { size_bytes: size, described_bytes: endBytes },
      };
    }
    const buffer = new Uint8Array(
      content.segments.reduce((most, one) => Math.max(most, one.blockSizeBytes), 0),
    );
    for (const [segmentIndex, segment] of content.segments.entries()) {
      if (verifyBlockList(segment, nodeHashEngine) === "mismatch") {
        return {
          message: `the block hashes of segment ${segmentIndex} contradict its hash of data`,
          where: { segment: segmentIndex },
        };
      }
      for (let i = 0; i < segment.blockHashes.length; i++) {
        const blockIndex = segment.firstBlockIndex + i;
        const offsetBytes = segment.offsetBytes + blockIndex * segment.blockSizeBytes;
        const block = buffer.subarray(0, blockLengthBytes(segment, blockIndex));
        const { bytesRead } = await file.read(block, 0, block.length, offsetBytes);
        if (bytesRead === block.length && verifyBlock(segment, blockIndex, block, nodeHashEngine)) continue;
        const what = bytesRead < block.length ? "the file ends in" : "other bytes in";
        return {
          message: `${what} block ${blockIndex} of segment ${segmentIndex}, bytes ${offsetBytes} to ${offsetBytes + block.length - 1}`,
          where: {
            segment: segmentIndex,
            block: blockIndex,
            offset_bytes: offsetBytes,
            length_bytes: block.length,
          },
        };
      }
    }
    return undefined;
  } finally {
    await file.close();
  }
}
