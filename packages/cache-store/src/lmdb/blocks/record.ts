/**
 * A record of a block file: mark, length of the key, length of the value, key, value. The index names the value alone;
 * what stands before it lets a file be gone through without the index.
 */
import type { FileHandle } from "node:fs/promises";

/** "bcbk" */
const MARK = 0x6b62_6362;
const FRAME_BYTES = 12;
/** Identifier and index. */
const MOST_KEY_BYTES = 68;
/** Read at a time. */
const SCAN_BYTES = 2 ** 20;

export function recordBytes(keyBytes: number, valueBytes: number): number {
  return FRAME_BYTES + keyBytes + valueBytes;
}

/** Writes all but the value at `offset` of `target`; gives the value's offset. */
export function writeFrame(target: Uint8Array, offset: number, key: Uint8Array, valueBytes: number): number {
  const view = new DataView(target.buffer, target.byteOffset + offset, FRAME_BYTES);
  view.setUint32(0, MARK, true);
  view.setUint32(4, key.length, true);
  view.setUint32(8, valueBytes, true);
  target.set(key, offset + FRAME_BYTES);
  return offset + FRAME_BYTES + key.length;
}

/** A record found in a file; views that are good until the next one is asked for. */
export interface FoundRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Of the value in the file. */
  readonly offset: number;
}

/** Goes through the first `endBytes` of a file, up to the first that is no record. Throws what reading throws. */
export async function* scanRecords(file: FileHandle, endBytes: number): AsyncGenerator<FoundRecord> {
  let buffer = new Uint8Array(SCAN_BYTES);
  /** Of `buffer` in the file, and what of it is filled. */
  let [start, filled] = [0, 0];
  const load = async (position: number, bytes: number): Promise<Uint8Array | undefined> => {
    if (position + bytes > endBytes) return undefined;
    if (position < start || position + bytes > start + filled) {
      if (buffer.length < bytes) buffer = new Uint8Array(bytes);
      start = position;
      filled = 0;
      const wanted = Math.min(buffer.length, endBytes - position);
      while (filled < bytes) {
        const { bytesRead } = await file.read(buffer, filled, wanted - filled, position + filled);
        if (bytesRead === 0) return undefined;
        filled += bytesRead;
      }
    }
    return buffer.subarray(position - start, position - start + bytes);
  };
  for (let position = 0; ; ) {
    const frame = await load(position, FRAME_BYTES);
    if (!frame) return;
    const view = new DataView(frame.buffer, frame.byteOffset, FRAME_BYTES);
    const [keyBytes, valueBytes] = [view.getUint32(4, true), view.getUint32(8, true)];
    if (view.getUint32(0, true) !== MARK || keyBytes > MOST_KEY_BYTES) return;
    const bytes = recordBytes(keyBytes, valueBytes);
    const record = await load(position, bytes);
    if (!record) return;
    const offset = position + FRAME_BYTES + keyBytes;
    yield {
      key: record.subarray(FRAME_BYTES, FRAME_BYTES + keyBytes),
      value: record.subarray(FRAME_BYTES + keyBytes),
      offset,
    };
    position += bytes;
  }
}
