/** Fields without a length of their own: they run to the end of the HTTP body. */
import { items, type Layout } from "@branchcache/runtime";

/** All bytes that are left, if there may be so many. */
export function restBytes(fault: (length: number) => string | undefined): Layout<Uint8Array> {
  return {
    name: "rest of the body",
    size: (value) => value.length,
    read(reader) {
      const reason = fault(reader.remaining);
      if (reason !== undefined) reader.fail("BC_DECODE_VALUE", reason);
      const start = reader.take(reader.remaining);
      return reader.bytes.subarray(start);
    },
    write(writer, value) {
      const reason = fault(value.length);
      if (reason !== undefined) writer.fail(reason);
      writer.bytes.set(value, writer.take(value.length));
    },
  };
}

/** Items back to back; what is left over must be whole ones. */
export function restItems<T>(
  item: Layout<T>,
  { itemBytes, max, min }: { readonly itemBytes: number; readonly min: number; readonly max: number },
): Layout<readonly T[]> {
  return {
    name: `${item.name} to the end`,
    size: (values) => values.length * itemBytes,
    read(reader) {
      const count = reader.remaining / itemBytes;
      if (!Number.isInteger(count)) {
        reader.fail("BC_DECODE_TRUNCATED", `${reader.remaining} bytes are no whole items of ${itemBytes}`);
      }
      if (count < min || count > max)
        reader.fail("BC_DECODE_LIMIT", `${count} items, ${min} to ${max} allowed`);
      return items(item, count).read(reader);
    },
    write(writer, values) {
      if (values.length < min || values.length > max) {
        writer.fail(`${values.length} items, ${min} to ${max} allowed`);
      }
      items(item, values.length).write(writer, values);
    },
  };
}
