/** What commands print: results on standard output, as JSON or as lines, and complaints on standard error. */

export interface OutputOptions {
  readonly json?: true;
}

/** `value` as one line of JSON where `--json` asks for it, else the lines. */
export function print({ json }: OutputOptions, value: unknown, lines: readonly string[]): void {
  if (json) printJson(value);
  else printLines(lines);
}

/** One line. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLines(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/** Tells of something that does not end the command; what does is thrown, and printed in the same form. */
export function complain(text: string): void {
  process.stderr.write(`branchcache: ${text}\n`);
}

/** Names to the left, values beside them. */
export function pairs(rows: readonly (readonly [name: string, value: string])[]): readonly string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

/** A report's keys as in all JSON of the commands: `alreadyHeld` becomes `already_held`. */
export function snakeCase(report: object): Record<string, unknown> {
  const entries: readonly [string, unknown][] = Object.entries(report);
  return Object.fromEntries(
    entries.map(([key, value]) => [key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), value]),
  );
}
