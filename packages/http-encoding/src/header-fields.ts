/** Header fields as Node.js gives them: names in lower case, repeated fields as lists. */
export type HeaderFields = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** The field's value, lists joined with a comma. `name` in lower case. */
export function fieldText(headers: HeaderFields, name: string): string | undefined {
  const value = headers[name];
  if (value === undefined) return undefined;
  return typeof value === "object" ? value.join(", ") : String(value);
}
