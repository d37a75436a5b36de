// @ts-check
/**
 * Counts where the sources of each package leave what the compiler can prove: `node .ci/type-escapes.mjs [--list] [--write]`.
 * None may have more of a kind than its line of docs/type-escapes.md says; `--write` puts the present numbers there,
 * for the reason beside them to be looked at. `--list` names every place.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseSync, Visitor } from "oxc-parser";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = `${root}docs/type-escapes.md`;
const kinds = /** @type {const} */ (["any", "!", "as", "as unknown as", "suppressed"]);
/** @typedef {Record<(typeof kinds)[number], number>} Counts */

/** @param {string} path @param {(kind: (typeof kinds)[number], offset: number) => void} found */
function escapesOf(path, found) {
  const { program, comments, errors } = parseSync(path, readFileSync(`${root}${path}`, "utf8"));
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  for (const { value, start } of comments) {
    if (/@ts-(?:ignore|expect-error|nocheck)|biome-ignore/.test(value)) found("suppressed", start);
  }
  new Visitor({
    TSAnyKeyword: ({ start }) => found("any", start),
    TSNonNullExpression: ({ start }) => found("!", start),
    PropertyDefinition: ({ definite, start }) => definite && found("!", start),
    VariableDeclarator: ({ definite, start }) => definite && found("!", start),
    TSAsExpression({ expression, typeAnnotation, start }) {
      const isConst =
        typeAnnotation.type === "TSTypeReference" &&
        typeAnnotation.typeName.type === "Identifier" &&
        typeAnnotation.typeName.name === "const";
      // To `unknown` is always right; what is made of it after that is counted.
      if (isConst || typeAnnotation.type === "TSUnknownKeyword") return;
      const twice =
        expression.type === "TSAsExpression" && expression.typeAnnotation.type === "TSUnknownKeyword";
      found(twice ? "as unknown as" : "as", start);
    },
  }).visit(program);
}

/** @param {string} text @param {number} offset */
const lineOf = (text, offset) => text.slice(0, offset).split("\n").length;

/** @type {Map<string, Counts>} */
const counted = new Map();
for (const name of readdirSync(`${root}packages`).sort()) {
  const counts = { any: 0, "!": 0, as: 0, "as unknown as": 0, suppressed: 0 };
  counted.set(name, counts);
  for (const file of readdirSync(`${root}packages/${name}/src`, {
    recursive: true,
    encoding: "utf8",
  }).sort()) {
    if (!file.endsWith(".ts")) continue;
    const path = `packages/${name}/src/${file}`;
    escapesOf(path, (kind, offset) => {
      counts[kind]++;
      if (!process.argv.includes("--list")) return;
      const text = readFileSync(`${root}${path}`, "utf8");
      const line = lineOf(text, offset);
      console.log(`${path}:${line}: ${kind}: ${text.split("\n")[line - 1]?.trim()}`);
    });
  }
}
console.table(Object.fromEntries(counted));

/** A line of the page: package, numbers in the order of `kinds`, reason. */
const row = /^\| `([^`]+)` \|((?: \d+ \|)+) (.*) \|$/gm;
const text = readFileSync(page, "utf8");
/** @type {string[]} */
const faults = [];
const listed = new Set();
for (const [, name = "", numbers = ""] of text.matchAll(row)) {
  listed.add(name);
  const allowed = numbers.match(/\d+/g)?.map(Number) ?? [];
  for (const [i, kind] of kinds.entries()) {
    const count = counted.get(name)?.[kind] ?? 0;
    if (count > (allowed[i] ?? 0))
      faults.push(`${name}: ${count} of "${kind}", where its reason is for ${allowed[i]}`);
  }
}
for (const name of counted.keys())
  if (!listed.has(name)) faults.push(`${name}: has no line in docs/type-escapes.md`);
if (process.argv.includes("--write")) {
  const renewed = text.replace(row, (line, name, _numbers, reason) => {
    const counts = counted.get(name);
    return counts ? `| \`${name}\` | ${kinds.map((kind) => counts[kind]).join(" | ")} | ${reason} |` : line;
  });
  writeFileSync(page, renewed);
} else {
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
