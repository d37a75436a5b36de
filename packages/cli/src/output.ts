/** What commands print: JSON for programs, lines for people. */

export interface OutputOptions {
  readonly json?: true;
}

/** One line of JSON, or the lines. */
export function print({ json }: OutputOptions, value: unknown, lines: readonly string[]): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : lines.map((line) => `${line}\n`).join(""));
}

/** Names to the left, values beside them. */
export function pairs(rows: readonly (readonly [name: string, value: string])[]): readonly string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}
