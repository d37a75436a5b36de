// @ts-check
/**
 * Which rules of `protocol-specs/*.md` are held by a test: `node .ci/coverage.mjs [--list] [--write]`.
 * A test holds a rule when the rule's id stands in its name. `--list` names the rules without a test,
 * `--write` puts the table into `protocol-specs/README.md`. Fails on an id that no document has.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const specs = join(root, "protocol-specs");
const id = /\b(?:API|PCCRC|PCCRR|PCCRD|PCCRTP|PCHC|WSD)-\d+\b/g;

/** @typedef {{ id: string, binding: boolean }} Rule */

/** @type {Map<string, { title: string, rules: Rule[] }>} */
const documents = new Map();
for (const file of readdirSync(specs).sort()) {
  if (file === "README.md" || !file.endsWith(".md")) continue;
  const text = readFileSync(join(specs, file), "utf8");
  const rules = [...text.matchAll(/^\| ([A-Z]+-\d+) \| ([^|]+) \|/gm)].map(([, rule = "", level = ""]) => ({
    id: rule,
    binding: level.startsWith("MUST"),
  }));
  documents.set(file, { title: /^# (.+)$/m.exec(text)?.[1] ?? file, rules });
}

/** @type {Map<string, Set<string>>} id to the test files that name it */
const held = new Map();
for (const top of ["packages", "test"]) {
  for (const path of readdirSync(join(root, top), { recursive: true, encoding: "utf8" })) {
    if (/(?:^|\/)node_modules\//.test(path) || !path.endsWith(".test.ts")) continue;
    // Comments may speak of a rule that the test does not hold.
    const code = readFileSync(join(root, top, path), "utf8")
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/(?<=^|\s)\/\/.*$/gm, "");
    for (const [rule] of code.matchAll(id))
      held.set(rule, (held.get(rule) ?? new Set()).add(join(top, path)));
  }
}

const rows = ["| document | rules | held by a test | of these MUST |", "| --- | --- | --- | --- |"];
const known = new Set();
for (const [file, { title, rules }] of documents) {
  for (const rule of rules) known.add(rule.id);
  const binding = rules.filter((rule) => rule.binding);
  /** @param {Rule[]} some */
  const count = (some) => some.filter((rule) => held.has(rule.id)).length;
  rows.push(
    `| [${title.split(":")[0]}](${file}) | ${rules.length} | ${count(rules)} | ${count(binding)} of ${binding.length} |`,
  );
}
console.log(rows.join("\n"));

if (process.argv.includes("--list")) {
  for (const [file, { rules }] of documents) {
    const open = rules.filter((rule) => !held.has(rule.id));
    const line = open.map((rule) => (rule.binding ? rule.id : `(${rule.id})`)).join(" ");
    console.log(`\n${file}, without a test (in brackets: no MUST): ${line}`);
  }
}
if (process.argv.includes("--write")) {
  const path = join(specs, "README.md");
  const marks = /(?<=<!-- coverage -->\n)[\s\S]*(?=\n<!-- end of coverage -->)/;
  writeFileSync(
    path,
    readFileSync(path, "utf8").replace(marks, () => rows.join("\n")),
  );
}

const strays = [...held].filter(([rule]) => !known.has(rule));
for (const [rule, files] of strays) console.error(`${rule}: in no document, but in ${[...files].join(", ")}`);
process.exitCode = strays.length === 0 ? 0 : 1;
