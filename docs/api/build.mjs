// @ts-check
/**
 * Writes the reference of every package's exports from their doc comments: `npx pnpm docs:api`, then open
 * `docs/api/html/index.html`; no server is needed. `--check` writes nothing. Either fails on a broken link, on an
 * export without a doc comment, and on a type that an export mentions and nobody can import.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Application, MinimalSourceFile, normalizePath } from "typedoc";

const root = fileURLToPath(new URL("../..", import.meta.url));
const out = fileURLToPath(new URL("html", import.meta.url));

/** Names as they are imported, by source file. @type {Map<string, string>} */
const importedAs = new Map();
/** Texts of README.md by name of package. @type {Map<string, MinimalSourceFile>} */
const readmes = new Map();
for (const folder of readdirSync(`${root}packages`).sort()) {
  const path = normalizePath(`${root}packages/${folder}`);
  const { name, exports } = JSON.parse(readFileSync(`${path}/package.json`, "utf8"));
  for (const [subpath, { source }] of Object.entries(exports)) {
    if (source !== undefined) importedAs.set(path + source.slice(1), name + subpath.slice(1));
  }
  const readme = readFileSync(`${path}/README.md`, "utf8").replace(/^# .*\n/, "");
  readmes.set(name, new MinimalSourceFile(readme, normalizePath(`${path}/README.md`)));
}

const app = await Application.bootstrap({
  name: "BranchCache",
  entryPoints: [...importedAs.keys()],
  tsconfig: fileURLToPath(new URL("tsconfig.json", import.meta.url)),
  basePath: root,
  readme: "none",
  out,
  // Links into the sources beside the pages: a copy of the repository needs no address of one.
  disableGit: true,
  sourceLinkTemplate: "../../../../{path}#L{line}",
  excludePrivate: true,
  navigation: { includeFolders: false },
  requiredToBeDocumented: ["Variable", "Function", "Class", "Interface", "TypeAlias"],
  packagesRequiringDocumentation: [...readmes.keys()],
});

const entryPoints = app.getEntryPoints() ?? [];
for (const point of entryPoints) {
  point.displayName = importedAs.get(point.sourceFile.fileName) ?? point.displayName;
}
const project = app.converter.convert(entryPoints);
for (const module of project.children ?? []) {
  const readme = readmes.get(module.name);
  if (readme) module.readme = app.converter.parseRawComment(readme, project.files).content;
}
app.options.setValue("validation", { invalidLink: true, notDocumented: true, notExported: false });
app.validate(project);
app.options.setValue("validation", { invalidLink: false, notDocumented: false, notExported: true });
for (const name of readmes.keys()) {
  // It compares with the types of one package, which it takes for the only one.
  project.packageName = name;
  app.validate(project);
}
if (!process.argv.includes("--check") && !app.logger.hasErrors()) await app.generateOutputs(project);
console.log(
  `reference: ${readmes.size} packages, ${importedAs.size} entries, ${app.logger.errorCount} errors, ${app.logger.warningCount} warnings`,
);
process.exitCode = app.logger.errorCount + app.logger.warningCount === 0 ? 0 : 1;
