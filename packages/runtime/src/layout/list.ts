/** Items one after another: with their count before them, or as many as another field says. */
import type { ByteReader, ByteWriter } from "./cursor.ts";
import type { Layout } from "./layout.ts";

/**
 * Bounds of a list's count, checked before any item is read or written; outside them reading fails with
 * `BC_DECODE_LIMIT`.
 */
export interface ListOptions {
  /** The least number of items. Default 0. */
  readonly min?: number;
  /** The largest number of items. */
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

/** The array grows with the items that are really there: a false count of four thousand million allocates nothing. */
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
