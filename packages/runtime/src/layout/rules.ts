/** What restricts the values of a layout, or converts them; the same for reading and for writing. */
import type { Layout } from "./layout.ts";

/** A rule on a value, held when it is read and when it is written. `check` returns what is wrong; undefined if nothing. */
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
  const legal = new Map<number, V>(values.map((value) => [value, value]));
  const legalOne = (found: number): V => {
    const value = legal.get(found);
    if (value === undefined) throw new RangeError(`${found} is none of ${values.join(", ")}`);
    return value;
  };
  return mapped(layout, legalOne, legalOne);
}

/**
 * Another shape for the program than for the wire: `from` makes it when read, `to` undoes that when written. Either
 * throws `RangeError` to refuse a value.
 */
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
