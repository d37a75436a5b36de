// @ts-check
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cruise } from "dependency-cruiser";
import { mayImport, ruleSet } from "./rules.mjs";

/**
 * Follows every import of `packages/<name>/src`, `bench` and `test` under `root`.
 *
 * @param {string} root
 * @returns {Promise<{ packages: number, modules: number, dependencies: number, faults: string[] }>}
 */
export async function cruisePackages(root) {
  const packages = readdirSync(join(root, "packages"))
    .filter((name) => existsSync(join(root, "packages", name, "package.json")))
    .sort();
  const faults = packages
    .filter((name) => !(name in mayImport))
    .map((name) => `packages/${name}: has no line in test/layers/rules.mjs`);
  const users = ["bench", "test"].filter((folder) => existsSync(join(root, folder)));
  const result = await cruise(
    [...packages.map((name) => `packages/${name}/src`), ...users],
    {
      baseDir: root,
      doNotFollow: { path: "node_modules" },
      exclude: { path: "^(?:packages/[^/]+/dist|test/layers)/" },
      tsPreCompilationDeps: true,
      validate: true,
      ruleSet: { forbidden: ruleSet(packages) },
    },
    {
      exportsFields: ["exports"],
      conditionNames: ["source", "import", "types", "default"],
      extensions: [".ts", ".mjs", ".js", ".json"],
    },
  );
  if (typeof result.output === "string") throw new TypeError("dependency-cruiser gave text, not modules");
  const { modules, summary } = result.output;
  const sources = modules.filter((module) => /^packages\/[^/]+\/src\//.test(module.source));
  faults.push(...undeclared(root, sources));
  for (const { rule, from, to, cycle } of summary.violations) {
    const path = cycle ? cycle.map((step) => step.name).join(" -> ") : to;
    faults.push(`${from} -> ${path}: ${rule.name}`);
  }
  // It passes on nothing at all when it finds no TypeScript that it can load.
  for (const name of packages) {
    if (!sources.some((module) => module.source.startsWith(`packages/${name}/src/`))) {
      faults.push(`packages/${name}: no source was read`);
    }
  }
  return {
    packages: packages.length,
    modules: sources.length,
    dependencies: sources.reduce((sum, module) => sum + module.dependencies.length, 0),
    faults,
  };
}

/**
 * Imports by name of what the package does not depend on, be it that development tools bring it along.
 *
 * @param {string} root
 * @param {import("dependency-cruiser").IModule[]} sources
 */
function undeclared(root, sources) {
  const faults = [];
  for (const { source, dependencies } of sources) {
    const folder = source.split("/").slice(0, 2).join("/");
    const { name, dependencies: declared = {} } = JSON.parse(
      readFileSync(join(root, folder, "package.json"), "utf8"),
    );
    for (const { module, dependencyTypes } of dependencies) {
      if (module.startsWith(".") || dependencyTypes.includes("core")) continue;
      const wanted = module
        .split("/")
        .slice(0, module.startsWith("@") ? 2 : 1)
        .join("/");
      if (wanted !== name && !(wanted in declared))
        faults.push(`${source} -> ${module}: only declared dependencies`);
    }
  }
  return faults;
}
