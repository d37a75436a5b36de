/** A file held against a Content Information. */
import { type FileHandle, open } from "node:fs/promises";
import {
  blockLengthBytes,
  type ContentInformation,
  type Segment,
  verifyBlock,
  verifyBlockList,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { toHex } from "@branchcache/runtime";

interface VerifyFault {
  readonly message: string;
  readonly where: Readonly<Record<string, number | string>>;
}

export interface Verification {
  /** Before the fault, if there is one. */
  readonly goodBlocks: number;
  /** Segments with some of their block hashes only: nothing proves these but the server's word. */
  readonly partialLists: number;
  readonly fault?: VerifyFault;
}

/**
 * Checks every listed block up to the first bad one. The file holds the content from its first byte on, whatever the
 * range. Rejects with the file system's errors.
 */
export async function verifyFile(content: ContentInformation, path: string): Promise<Verification> {
  const file = await open(path);
  try {
    const verification = await verifyBlocks(content, file);
    const lengths = await lengthFault(content, file);
    if (!lengths) return verification;
    const { fault } = verification;
    const message = fault ? `${lengths.message}; ${fault.message}` : lengths.message;
    return { ...verification, fault: { message, where: { ...lengths.where, ...fault?.where } } };
  } finally {
    await file.close();
  }
}

/** A Content Information of all the content says how long the file has to be. */
async function lengthFault(content: ContentInformation, file: FileHandle): Promise<VerifyFault | undefined> {
  const last = content.segments.at(-1);
  const describedBytes = last ? last.offsetBytes + last.lengthBytes : 0;
  if (content.range.startBytes !== 0 || content.range.endBytes !== describedBytes) return undefined;
  const { size } = await file.stat();
  if (size === describedBytes) return undefined;
  return {
    message: `${size} bytes, ${describedBytes} described`,
    where: { size_bytes: size, described_bytes: describedBytes },
  };
}

async function verifyBlocks(content: ContentInformation, file: FileHandle): Promise<Verification> {
  const buffer = new Uint8Array(
    content.segments.reduce((most, one) => Math.max(most, one.blockSizeBytes), 0),
  );
  let goodBlocks = 0;
  let partialLists = 0;
  for (const [segmentIndex, segment] of content.segments.entries()) {
    const list = verifyBlockList(segment, nodeHashEngine);
    if (list === "mismatch") {
      const message = `the block hashes of segment ${segmentIndex} contradict its hash of data`;
      return { goodBlocks, partialLists, fault: { message, where: placeOf(segment, segmentIndex) } };
    }
    if (list === "partial") partialLists++;
    for (let i = 0; i < segment.blockHashes.length; i++) {
      const blockIndex = segment.firstBlockIndex + i;
      const offsetBytes = segment.offsetBytes + blockIndex * segment.blockSizeBytes;
      const block = buffer.subarray(0, blockLengthBytes(segment, blockIndex));
      const filledBytes = await fill(file, block, offsetBytes);
      if (filledBytes === block.length && verifyBlock(segment, blockIndex, block, nodeHashEngine)) {
        goodBlocks++;
        continue;
      }
      const what = filledBytes < block.length ? "the file ends in" : "other bytes in";
      const bytes = `bytes ${offsetBytes} to ${offsetBytes + block.length - 1}`;
      const fault = {
        message: `${what} block ${blockIndex} of segment ${segmentIndex}, ${bytes}`,
        where: {
          ...placeOf(segment, segmentIndex),
          block: blockIndex,
          offset_bytes: offsetBytes,
          length_bytes: block.length,
        },
      };
      return { goodBlocks, partialLists, fault };
    }
  }
  return { goodBlocks, partialLists };
}

function placeOf(segment: Segment, index: number): VerifyFault["where"] {
  return { segment: index, segment_id: toHex(segment.id) };
}

/** How many bytes there were: fewer than asked for at the file's end only. */
async function fill(file: FileHandle, into: Uint8Array, offsetBytes: number): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, offsetBytes + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
