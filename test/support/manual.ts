/** What the manual says that there is, to hold the documentation against. */
import { manualPages } from "@branchcache/cli";
import { expect } from "vitest";

const manual = Object.fromEntries(
  Object.entries(manualPages("0")).map(([name, text]) => [name, text.replaceAll(String.raw`\-`, "-")]),
);
const commands = manual["branchcache.1"] ?? "";

/** The names of all settings. */
export const settings: ReadonlySet<string> = new Set(
  [...(manual["branchcache.json.5"] ?? "").matchAll(/^\\fB([a-z_.]+)\\fR$/gm)].map((m) => m[1] ?? ""),
);

/** Commands of the examples in the help. */
export const examples: readonly string[] = [...commands.matchAll(/^ {2}(branchcache\b.*)$/gm)].map(
  (m) => m[1] ?? "",
);

/** The part of the manual about one command, up to the next. */
function aboutCommand(words: readonly string[]): string | undefined {
  const start = commands.search(new RegExp(`^\\.SS "${words.join(" ")}(?: |")`, "m"));
  if (start < 0) return undefined;
  const rest = commands.slice(start + 1);
  return rest.slice(0, Math.max(rest.search(/^\.S[SH] /m), 0) || undefined);
}

/** `branchcache` and its words: the command is there, with these options, and so is the setting that it names. */
export function expectCommand(command: string): void {
  const words = command.split(" ").slice(1);
  const options = words.filter((word) => word.startsWith("--"));
  const named = words.filter((word) => /^[a-z][a-z-]*$/.test(word));
  let about: string | undefined;
  for (let length = named.length; length > 0 && about === undefined; length--) {
    about = aboutCommand(named.slice(0, length));
  }
  expect(about, command).toBeDefined();
  for (const option of options) expect(about, `${command} has ${option}`).toContain(option);
  for (const key of words.filter((word) => /^[a-z_]+\.[a-z_.]+$/.test(word))) {
    if (words[0] === "config") expect(settings, command).toContain(key);
  }
}
