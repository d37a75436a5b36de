// @ts-check
/**
 * Where the rules of `protocol-specs/<document>/requirements.yaml` stand:
 * `node .ci/spec-coverage.mjs [--list] [--write] [--strict]`.
 *
 * A rule is *tested* when its id stands in the name of a test, *on the wire* when a check of the conformance
 * kit names it, *not applicable* when the catalogue says why, else *open*. `--list` names the open ones,
 * `--write` renews the tables under `protocol-specs`, `--strict` fails on an open MUST, on a MUST that no check of the
 * kit names and of which the catalogue does not say why it cannot be seen (`offWire`), and on tables that are out of
 * date. An id that no catalogue has always fails, and so does a catalogue that is not well formed.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as conformance from "@branchcache/conformance";
import { parse } from "yaml";

const root = fileURLToPath(new URL("..", import.meta.url));
const specs = join(root, "protocol-specs");
const idPattern = /\b(?:API|PCCRC|PCCRR|PCCRD|PCCRTP|PCHC|WSD)-\d+\b/g;
const levels = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "NOTE"];
const fieldsOfRule = ["id", "level", "implied", "role", "rule", "section", "notApplicable", "offWire"];

/**
 * @typedef {{ id: string, level: string, implied?: boolean, role: string[], rule: string, section?: string,
 *   notApplicable?: string, offWire?: string }} Rule
 * @typedef {{ title: string, about: string, text: string, packages: string[], terms?: string, offWire?: string,
 *   requirements: Rule[] }} Catalogue `offWire` of a catalogue: why nothing of it can be seen on the wire.
 */

/** @type {string[]} */
const faults = [];

/** @type {Map<string, Catalogue>} */
const catalogues = new Map();
/** @type {Map<string, string>} */
const documentOf = new Map();
for (const entry of readdirSync(specs, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
  const path = join(specs, entry.name, "requirements.yaml");
  // A folder that is no document's, such as the dissector's; a catalogue that got lost shows as unknown ids.
  if (!entry.isDirectory() || !existsSync(path)) continue;
  /** @type {Catalogue} */
  const catalogue = parse(readFileSync(path, "utf8"));
  catalogues.set(entry.name, catalogue);
  for (const rule of catalogue.requirements) {
    const fault = faultOf(rule);
    if (fault !== undefined)
      faults.push(`protocol-specs/${entry.name}/requirements.yaml: ${rule.id}: ${fault}`);
    documentOf.set(rule.id, entry.name);
  }
}

/** @param {Rule} rule */
function faultOf(rule) {
  if (documentOf.has(rule.id)) return "stands twice";
  if (rule.id.match(idPattern)?.[0] !== rule.id) return "no id that tests are searched for";
  if (!levels.includes(rule.level)) return `unknown level ${rule.level}`;
  if (!Array.isArray(rule.role) || rule.role.length === 0) return "no role";
  if (typeof rule.rule !== "string" || rule.rule === "") return "no text";
  return Object.keys(rule)
    .filter((field) => !fieldsOfRule.includes(field))
    .map((field) => `unknown field ${field}`)[0];
}

/**
 * Files below `top` whose path ends with `suffix`, with their text without comments: a comment may speak of a
 * rule that the code does not hold.
 * @param {string} top
 * @param {string} suffix
 */
function* sources(top, suffix) {
  for (const path of readdirSync(join(root, top), { recursive: true, encoding: "utf8" }).sort()) {
    if (/(?:^|\/)(?:node_modules|dist)\//.test(path) || !path.endsWith(suffix)) continue;
    const text = readFileSync(join(root, top, path), "utf8")
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/(?<=^|\s)\/\/.*$/gm, "");
    yield { path: join(top, path), text };
  }
}

/** @typedef {Map<string, Set<string>>} Holders id of a rule to the files, or checks, that hold it */
/** @type {Holders} */
const tests = new Map();
/** @type {Holders} */
const checks = new Map();
/** @param {Holders} holders @param {string} rule @param {string} by */
const hold = (holders, rule, by) => holders.set(rule, (holders.get(rule) ?? new Set()).add(by));

for (const top of ["packages", "test"]) {
  for (const { path, text } of sources(top, ".test.ts")) {
    for (const [rule] of text.matchAll(idPattern)) hold(tests, rule, path);
  }
}
for (const value of Object.values(conformance)) {
  if (typeof value !== "object" || !("checks" in value)) continue;
  for (const { id, requirements } of value.checks) {
    for (const rule of requirements) hold(checks, rule, id);
  }
}
for (const [rule, by] of [...tests, ...checks]) {
  if (!documentOf.has(rule)) faults.push(`${rule}: in no catalogue, but in ${[...by].join(", ")}`);
}

/** @param {Rule} rule */
const binds = (rule) => rule.level.startsWith("MUST");
/** Why nothing has to hold the rule. @param {Rule} rule */
const reason = (rule) => rule.notApplicable ?? (rule.level === "NOTE" ? "binds nobody" : undefined);
/** @param {Rule} rule */
const status = (rule) => {
  if (tests.has(rule.id)) return checks.has(rule.id) ? "tested, on the wire" : "tested";
  if (checks.has(rule.id)) return "on the wire";
  return reason(rule) === undefined ? "open" : "not applicable";
};

const summary = [
  "| document | rules | tested | on the wire | not applicable | open | MUST | on the wire | cannot be seen there | open |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
];
/** @type {string[]} */
const unseenMusts = [];
/** @type {string[]} */
const openMusts = [];
/** @type {string[]} */
const listed = [];
for (const [document, { title, requirements, offWire }] of catalogues) {
  const open = requirements.filter((rule) => status(rule) === "open");
  const bindingAndOpen = open.filter(binds);
  openMusts.push(...bindingAndOpen.map((rule) => rule.id));
  for (const rule of requirements.filter(binds)) {
    const why = rule.offWire ?? offWire ?? reason(rule);
    if (!checks.has(rule.id) && why === undefined) unseenMusts.push(rule.id);
    if (checks.has(rule.id) && rule.offWire !== undefined) {
      faults.push(
        `${rule.id}: ${[...(checks.get(rule.id) ?? [])].join(", ")} looks for it, and it is marked offWire`,
      );
    }
  }
  /** @param {(rule: Rule) => boolean} which */
  const count = (which) => requirements.filter(which).length;
  const cells = [
    `[${title.split(":")[0]}](${document}/README.md)`,
    requirements.length,
    count((rule) => tests.has(rule.id)),
    count((rule) => checks.has(rule.id)),
    count((rule) => status(rule) === "not applicable"),
    open.length,
    count(binds),
    count((rule) => binds(rule) && checks.has(rule.id)),
    count((rule) => binds(rule) && !checks.has(rule.id) && reason(rule) === undefined),
    bindingAndOpen.length,
  ];
  summary.push(`| ${cells.join(" | ")} |`);
  if (open.length > 0) {
    listed.push(`${document}, open: ${open.map((rule) => `${rule.id} (${rule.level})`).join(", ")}`);
  }
}
console.log(summary.join("\n"));
if (process.argv.includes("--list")) console.log(`\n${listed.join("\n\n")}`);

/** @param {string} document @param {Catalogue} catalogue */
function page(document, { title, about, text, packages, terms, requirements }) {
  const folder = join(specs, document);
  /** @param {Rule} rule */
  const where = (rule) => {
    const links = [...(tests.get(rule.id) ?? [])].map(
      (path) =>
        `[${path
          .split("/")
          .at(-1)
          ?.replace(/\.test\.ts$/, "")}](${relative(folder, join(root, path))})`,
    );
    const shown = links.length > 3 ? [...links.slice(0, 3), `and ${links.length - 3} more`] : links;
    const wire = [...(checks.get(rule.id) ?? [])].map((check) => `\`${check}\``);
    const held = [...shown, ...wire].join(", ") || (reason(rule) ?? "open");
    return rule.offWire === undefined ? held : `${held}; not on the wire: ${rule.offWire}`;
  };
  return [
    `# ${title}`,
    "",
    "<!-- Written by `npx pnpm spec:coverage --write` from requirements.yaml. -->",
    "",
    `${about} Text: ${text}. Done in: ${packages.map((name) => `\`${name}\``).join(", ")}.`,
    "",
    "The rules that we read out of it, in our words; `ours`: a decision of this project; †: stated as a fact, and " +
      `needed for interoperability; NOTE: what products do, binds nobody. In the last column: tests, and in \`code\` checks of the [conformance kit](../../packages/conformance/README.md), by the ids of its \`--only\`.${terms === undefined ? "" : ` ${terms}`}`,
    "",
    "| id | level | role | rule | section | where it is held |",
    "| --- | --- | --- | --- | --- | --- |",
    ...requirements.map((rule) => {
      const level = `${rule.level}${rule.implied === true ? "†" : ""}`;
      return `| ${[rule.id, level, rule.role.join(", "), rule.rule, rule.section ?? "-", where(rule)].join(" | ")} |`;
    }),
    "",
  ].join("\n");
}

const summaryPath = join(specs, "README.md");
const summaryMarks = /(?<=<!-- coverage -->\n)[\s\S]*(?=\n<!-- end of coverage -->)/;
const pages = new Map([
  [summaryPath, readFileSync(summaryPath, "utf8").replace(summaryMarks, () => summary.join("\n"))],
  ...[...catalogues].map(
    ([document, catalogue]) =>
      /** @type {const} */ ([join(specs, document, "README.md"), page(document, catalogue)]),
  ),
]);
/** @param {string} path */
const textOf = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
if (process.argv.includes("--write")) {
  for (const [path, text] of pages) writeFileSync(path, text);
}
if (process.argv.includes("--strict")) {
  if (openMusts.length > 0) faults.push(`a MUST without test, wire check or reason: ${openMusts.join(" ")}`);
  if (unseenMusts.length > 0) {
    faults.push(
      `a MUST that the kit does not look for, without a reason in offWire: ${unseenMusts.join(" ")}`,
    );
  }
  for (const [path, text] of pages) {
    if (textOf(path) !== text) {
      faults.push(`${relative(root, path)}: out of date, renew it with npx pnpm spec:coverage --write`);
    }
  }
}

for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
