/** Runs of bytes: of a fixed length, or with their length before them. */
import type { Layout } from "./layout.ts";

/** Exactly `length` bytes; read as a view of the input. */
export function bytes(length: number): Layout<Uint8Array> {
  return {
    name: `bytes(${length})`,
    size: () => length,
    read(reader) {
      const start = reader.take(length);
      return reader.bytes.subarray(start, start + length);
    },
    write(writer, value) {
      if (value.length !== length) writer.fail(`${value.length} bytes where ${length} belong`);
      writer.bytes.set(value, writer.take(length));
    },
  };
}

/** Bounds and padding of `sizedBytes`. */
export interface SizedBytesOptions {
  /** The largest length, in bytes without padding. */
  readonly max: number;
  /** Zero bytes follow until the bytes, without their length field, fill a multiple of this. */
  readonly padTo?: number;
}

/** A length, then that many bytes, then zeros up to a multiple of `padTo`; padding is not checked when read. */
export function sizedBytes(length: Layout<number>, options: SizedBytesOptions): Layout<Uint8Array> {
  const { max, padTo = 1 } = options;
  const padding = (size: number) => (padTo - (size % padTo)) % padTo;
  return {
    name: "sized bytes",
    size: (value) => length.size(value.length) + value.length + padding(value.length),
    read(reader) {
      const at = reader.offset;
      const size = length.read(reader);
      if (size > max) reader.fail("BC_DECODE_LIMIT", `${size} bytes announced, at most ${max} allowed`, at);
      const start = reader.take(size);
      reader.take(padding(size));
      return reader.bytes.subarray(start, start + size);
    },
    write(writer, value) {
      if (value.length > max) writer.fail(`${value.length} bytes, at most ${max} allowed`);
      length.write(writer, value.length);
      writer.bytes.set(value, writer.take(value.length));
      writer.take(padding(value.length));
    },
  };
}
