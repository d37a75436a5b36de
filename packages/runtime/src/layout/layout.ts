/**
 * Binary structures declared as values: one declaration is encoder, decoder and type.
 * Byte order is spelled on every number; counts and lengths meet their limit before anything is allocated.
 */
import { ByteReader, ByteWriter } from "./cursor.ts";

export interface Layout<T> {
  readonly name: string;
  /** Bytes that the value takes when written. */
  size(value: T): number;
  read(reader: ByteReader): T;
  write(writer: ByteWriter, value: T): void;
}

// biome-ignore lint/suspicious/noExplicitAny: any layout, whatever it carries
export type AnyLayout = Layout<any>;

/** The type that a layout reads and writes. */
export type Decoded<L> = L extends Layout<infer T> ? T : never;

export interface DecodeOptions {
  /** `allow`: bytes after the structure are left alone. Default `fail`. */
  readonly trailing?: "allow" | "fail";
}

/**
 * Reads one structure from the start of `bytes`. Byte fields of the result are views of the input.
 * Throws `DecodeError`.
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

export const u8: Layout<number> = integer(
  "u8",
  1,
  (view, at) => view.getUint8(at),
  (view, at, value) => view.setUint8(at, value),
);
export const u16be: Layout<number> = integer(
  "u16be",
  2,
  (view, at) => view.getUint16(at, false),
  (view, at, value) => view.setUint16(at, value, false),
);
export const u16le: Layout<number> = integer(
  "u16le",
  2,
  (view, at) => view.getUint16(at, true),
  (view, at, value) => view.setUint16(at, value, true),
);
export const u24le: Layout<number> = integer(
  "u24le",
  3,
  (view, at) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16),
  (view, at, value) => {
    view.setUint16(at, value & 0xffff, true);
    view.setUint8(at + 2, value >>> 16);
  },
);
export const u32be: Layout<number> = integer(
  "u32be",
  4,
  (view, at) => view.getUint32(at, false),
  (view, at, value) => view.setUint32(at, value, false),
);
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

export const u64be: Layout<number> = u64("u64be", false);
export const u64le: Layout<number> = u64("u64le", true);

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

export interface SizedBytesOptions {
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

export interface ListOptions {
  readonly min?: number;
  readonly max: number;
}

/** A count, then that many items. */
export function list<T>(count: Layout<number>, item: Layout<T>, options: ListOptions): Layout<readonly T[]> {
  const { min = 0, max } = options;
  return {
    name: `list of ${item.name}`,
    size: (value) => count.size(value.length) + itemsSize(item, value),
    read(reader) {
      const at = reader.offset;
      const length = count.read(reader);
      if (length < min || length > max) {
        reader.fail("BC_DECODE_LIMIT", `${length} items announced, ${min} to ${max} allowed`, at);
      }
      return readItems(reader, item, length);
    },
    write(writer, value) {
      if (value.length < min || value.length > max) {
        writer.fail(`${value.length} items, ${min} to ${max} allowed`);
      }
      count.write(writer, value.length);
      writeItems(writer, item, value);
    },
  };
}

/** As many items as an earlier field says. */
export function items<T>(item: Layout<T>, count: number): Layout<readonly T[]> {
  return {
    name: `${count} of ${item.name}`,
    size: (value) => itemsSize(item, value),
    read: (reader) => readItems(reader, item, count),
    write(writer, value) {
      if (value.length !== count) writer.fail(`${value.length} items where ${count} belong`);
      writeItems(writer, item, value);
    },
  };
}

function itemsSize<T>(item: Layout<T>, values: readonly T[]): number {
  let size = 0;
  for (const value of values) size += item.size(value);
  return size;
}

/** Grows as items are really there: a count of four thousand million costs nothing. */
function readItems<T>(reader: ByteReader, item: Layout<T>, count: number): T[] {
  const values: T[] = [];
  for (let i = 0; i < count; i++) {
    reader.enter(i);
    values.push(item.read(reader));
    reader.leave();
  }
  return values;
}

function writeItems<T>(writer: ByteWriter, item: Layout<T>, values: readonly T[]): void {
  for (const [i, value] of values.entries()) {
    writer.enter(i);
    item.write(writer, value);
    writer.leave();
  }
}

/** A field whose layout depends on fields before it gets them as read so far. */
// biome-ignore lint/suspicious/noExplicitAny: the fields before, whose types cannot be known here
export type DependentLayout<T> = (before: any) => Layout<T>;

type FieldLayouts = Readonly<Record<string, AnyLayout | DependentLayout<unknown>>>;

type FieldValue<F> = F extends Layout<infer T> ? T : F extends (before: never) => Layout<infer T> ? T : never;

export type StructValue<F extends FieldLayouts> = { readonly [K in keyof F]: FieldValue<F[K]> };

/** Fields one after another, without gaps. */
export function struct<F extends FieldLayouts>(name: string, fields: F): Layout<StructValue<F>> {
  const entries = Object.entries(fields);
  const resolve = (field: AnyLayout | DependentLayout<unknown>, before: unknown): AnyLayout =>
    typeof field === "function" ? field(before) : field;
  return {
    name,
    size(value) {
      let size = 0;
      for (const [key, field] of entries) size += resolve(field, value).size(value[key as keyof F]);
      return size;
    },
    read(reader) {
      const value: Record<string, unknown> = {};
      for (const [key, field] of entries) {
        reader.enter(key);
        value[key] = resolve(field, value).read(reader);
        reader.leave();
      }
      return value as StructValue<F>;
    },
    write(writer, value) {
      for (const [key, field] of entries) {
        writer.enter(key);
        resolve(field, value).write(writer, value[key as keyof F]);
        writer.leave();
      }
    },
  };
}

/** A rule on a value, held when it is read and when it is written. The check returns what is wrong, or nothing. */
export function refine<T>(layout: Layout<T>, check: (value: T) => string | undefined): Layout<T> {
  return {
    name: layout.name,
    size: (value) => layout.size(value),
    read(reader) {
      const at = reader.offset;
      const value = layout.read(reader);
      const fault = check(value);
      if (fault !== undefined) reader.fail("BC_DECODE_VALUE", fault, at);
      return value;
    },
    write(writer, value) {
      const fault = check(value);
      if (fault !== undefined) writer.fail(fault);
      layout.write(writer, value);
    },
  };
}

/** A number that is always the same on the wire. */
export function constant(layout: Layout<number>, value: number): Layout<number> {
  return refine(layout, (found) => (found === value ? undefined : `${found} where ${value} belongs`));
}

/** A number with few legal values. */
export function oneOf<const V extends number>(layout: Layout<number>, values: readonly V[]): Layout<V> {
  const legal = new Set<number>(values);
  return refine(layout, (found) =>
    legal.has(found) ? undefined : `${found} is none of ${values.join(", ")}`,
  ) as unknown as Layout<V>;
}

/** Another shape for the program than for the wire. Either function may throw `RangeError` to refuse. */
export function mapped<W, T>(layout: Layout<W>, from: (wire: W) => T, to: (value: T) => W): Layout<T> {
  return {
    name: layout.name,
    size(value) {
      try {
        return layout.size(to(value));
      } catch (error) {
        // Writing refuses the value too, and can name the field.
        if (error instanceof RangeError) return 0;
        throw error;
      }
    },
    read(reader) {
      const at = reader.offset;
      const wire = layout.read(reader);
      return refusing(
        () => from(wire),
        (reason) => reader.fail("BC_DECODE_VALUE", reason, at),
      );
    },
    write(writer, value) {
      const wire = refusing(
        () => to(value),
        (reason) => writer.fail(reason),
      );
      layout.write(writer, wire);
    },
  };
}

function refusing<T>(convert: () => T, refuse: (reason: string) => never): T {
  try {
    return convert();
  } catch (error) {
    if (error instanceof RangeError) refuse(error.message);
    throw error;
  }
}
