/** Unsigned integers. The name says size in bits and byte order: `le` little-endian, `be` big-endian. */
import type { Layout } from "./layout.ts";

function integer(
  name: string,
  sizeBytes: number,
  get: (view: DataView, at: number) => number,
  set: (view: DataView, at: number, value: number) => void,
): Layout<number> {
  const max = 2 ** (8 * sizeBytes) - 1;
  return {
    name,
    size: () => sizeBytes,
    read: (reader) => get(reader.view, reader.take(sizeBytes)),
    write(writer, value) {
      if (!Number.isInteger(value) || value < 0 || value > max) writer.fail(`${value} is no ${name}`);
      set(writer.view, writer.take(sizeBytes), value);
    },
  };
}

/** One byte, 0 to 255. */
export const u8: Layout<number> = integer(
  "u8",
  1,
  (view, at) => view.getUint8(at),
  (view, at, value) => view.setUint8(at, value),
);
/** Two bytes, big-endian. */
export const u16be: Layout<number> = integer(
  "u16be",
  2,
  (view, at) => view.getUint16(at, false),
  (view, at, value) => view.setUint16(at, value, false),
);
/** Two bytes, little-endian. */
export const u16le: Layout<number> = integer(
  "u16le",
  2,
  (view, at) => view.getUint16(at, true),
  (view, at, value) => view.setUint16(at, value, true),
);
/** Three bytes, little-endian. */
export const u24le: Layout<number> = integer(
  "u24le",
  3,
  (view, at) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16),
  (view, at, value) => {
    view.setUint16(at, value & 0xffff, true);
    view.setUint8(at + 2, value >>> 16);
  },
);
/** Four bytes, big-endian. */
export const u32be: Layout<number> = integer(
  "u32be",
  4,
  (view, at) => view.getUint32(at, false),
  (view, at, value) => view.setUint32(at, value, false),
);
/** Four bytes, little-endian. */
export const u32le: Layout<number> = integer(
  "u32le",
  4,
  (view, at) => view.getUint32(at, true),
  (view, at, value) => view.setUint32(at, value, true),
);

/** 64 bits as a `number`: a value above 2^53 - 1 fails, since no content is that long. */
function u64(name: string, littleEndian: boolean): Layout<number> {
  return {
    name,
    size: () => 8,
    read(reader) {
      const at = reader.take(8);
      const value = reader.view.getBigUint64(at, littleEndian);
      if (value > BigInt(Number.MAX_SAFE_INTEGER))
        reader.fail("BC_DECODE_LIMIT", `${value} is over 2^53 - 1`, at);
      return Number(value);
    },
    write(writer, value) {
      if (!Number.isSafeInteger(value) || value < 0) writer.fail(`${value} is no ${name}`);
      writer.view.setBigUint64(writer.take(8), BigInt(value), littleEndian);
    },
  };
}

/** Eight bytes, big-endian, as a `number`; above 2^53 - 1 reading fails with `BC_DECODE_LIMIT`. */
export const u64be: Layout<number> = u64("u64be", false);
/** Eight bytes, little-endian, as a `number`; above 2^53 - 1 reading fails with `BC_DECODE_LIMIT`. */
export const u64le: Layout<number> = u64("u64le", true);
