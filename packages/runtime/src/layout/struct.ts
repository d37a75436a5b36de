/** Fields one after another, by name. */
import type { Layout } from "./layout.ts";

/** A layout of whatever type, where only its being one matters. */
// biome-ignore lint/suspicious/noExplicitAny: any layout, whatever it carries
export type AnyLayout = Layout<any>;

/**
 * The layout of a field that depends on fields before it, such as a hash whose length an earlier field tells. `before`
 * has the fields read so far; when writing, the whole value.
 */
// biome-ignore lint/suspicious/noExplicitAny: the fields before, whose types cannot be known here
export type DependentLayout<T> = (before: any) => Layout<T>;

/** The fields of a `struct` by name, in the order in which they are written. */
export type FieldLayouts = Readonly<Record<string, AnyLayout | DependentLayout<unknown>>>;

/** The type that a field's layout reads and writes. */
export type FieldValue<F> =
  F extends Layout<infer T> ? T : F extends (before: never) => Layout<infer T> ? T : never;

/** What a `struct` of these fields reads and writes: an object with the value of each. */
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
