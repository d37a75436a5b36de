/**
 * Binary structures are declared as values: one declaration is the encoder, the decoder and the TypeScript type, so
 * these cannot drift apart. Byte order is spelled on every number, and every count and length has a limit, which is
 * checked before anything is allocated.
 *
 * ```ts
 * const reading = struct("Reading", { sensor: u8, value: u32le });
 * const report = struct("Report", { version: u16be, readings: list(u8, reading, { max: 16 }) });
 * type Report = Decoded<typeof report>;
 * ```
 *
 * Numbers are in `numbers.ts`, runs of bytes in `byte-fields.ts`, repeated items in `list.ts`, fields one after another
 * in `struct.ts`, and in `rules.ts` what restricts or converts a value.
 */
import { ByteReader, ByteWriter } from "./cursor.ts";

/** How values of type `T` are read and written. `decode` and `encode` are the usual way to use one. */
export interface Layout<T> {
  /** For errors: the structure's name in its document, or what kind of field it is. */
  readonly name: string;
  /** Bytes that the value takes when written. */
  size(value: T): number;
  /** Reads from where the reader stands, and leaves it behind the value. Throws `DecodeError`. */
  read(reader: ByteReader): T;
  /** Writes where the writer stands, and leaves it behind the value. Throws `EncodeError`. */
  write(writer: ByteWriter, value: T): void;
}

/** The type that a layout reads and writes. */
export type Decoded<L> = L extends Layout<infer T> ? T : never;

/** What `decode` makes of bytes left over. */
export interface DecodeOptions {
  /** `allow`: bytes after the structure are left alone. Default `fail`. */
  readonly trailing?: "allow" | "fail";
}

/**
 * Reads one structure from the start of `bytes`. Byte fields of the result are views of `bytes`. Throws `DecodeError`,
 * which names structure, field and offset, and nothing else.
 */
export function decode<T>(layout: Layout<T>, bytes: Uint8Array, options: DecodeOptions = {}): T {
  const reader = new ByteReader(bytes, layout.name);
  const value = layout.read(reader);
  if (reader.remaining > 0 && options.trailing !== "allow") {
    reader.fail("BC_DECODE_TRAILING", `${reader.remaining} bytes left over`);
  }
  return value;
}

/** Writes the structure into a new array. Throws `EncodeError` for a value that the layout forbids. */
export function encode<T>(layout: Layout<T>, value: T): Uint8Array {
  const writer = new ByteWriter(layout.size(value), layout.name);
  layout.write(writer, value);
  return writer.bytes;
}
